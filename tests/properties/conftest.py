"""Laws: what holds for every input.

Examples are the same on every run; `--hypothesis-profile=explore` looks for new ones and shrinks what fails.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import hypothesis
import pytest
from tests.conftest import forget
from tests.properties.street import PROFIT, MakeStreet, Street

from headline import settings

# Shrinking an example that needs whole pipelines takes minutes: it is for whoever explores.
hypothesis.settings.register_profile(
    "repeatable",
    derandomize=True,
    database=None,
    deadline=None,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large],
)
hypothesis.settings.register_profile(
    "explore", hypothesis.settings.get_profile("repeatable"), derandomize=False, phases=list(hypothesis.Phase), print_blob=True
)


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("--hypothesis-profile"):
        hypothesis.settings.load_profile("repeatable")


@pytest.fixture(scope="module")
def make_street(postgres: str, ledger_database: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MakeStreet]:
    """Gives the street, empty; there is one at a time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW_CONN_HEADLINE_LEDGER", ledger_database)
        forget()
        street = Street(tmp_path_factory.mktemp("landing"), postgres)

        def make(pipelines: Sequence[str] = PROFIT) -> Street:
            others = [table for name, one in street.catalog.pipelines.items() if name not in pipelines for table in one.outputs]
            patch.setenv("HEADLINE_WITHOUT", " ".join(others))
            settings.load.cache_clear()
            street.clear(pipelines)
            return street

        yield make
        street.clear()
        street.warehouse.close()
    forget()
