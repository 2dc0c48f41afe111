"""What openapi.json promises holds for whatever is sent: schemathesis tries it, with the same examples each time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.internal.conjecture import providers
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import negative_data_rejection, positive_data_acceptance
from tests.unit.api.conftest import Client

from headline import settings as deployment
from headline.api import gate
from headline.api.app import app

EXAMPLES = 6  # of each endpoint and mode
# What hangs on other parameters, or on answers before: OpenAPI cannot say it, so that a 400 is no broken promise there.
BETWEEN = {"cursor", "read", "as_of", "from", "to", "by", "key"}
# An object or a list in the place of a text is a text there.
TEXTS = {"area", "by", "cursor", "key", "metric", "pipeline", "segment"}
BEYOND = {positive_data_acceptance: BETWEEN, negative_data_rejection: TEXTS}
TOKEN = {"Authorization": "Bearer ada"}


@pytest.fixture
def same_examples(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Hypothesis draws constants from whatever modules other tests of this process have imported; here it has none of them."""
    monkeypatch.setattr(providers, "_get_local_constants", lambda: providers.Constants())
    providers.CONSTANTS_CACHE.cache.clear()
    yield
    providers.CONSTANTS_CACHE.cache.clear()


@pytest.mark.usefixtures("same_examples")
def test_nothing_that_is_sent_breaks_a_promise(metrics: Any, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADLINE_API_RATE", "100000 per minute")
    deployment.load.cache_clear()
    gate.rate.cache_clear()
    names = {"/tables": "core.orders", "/metrics": "daily_orders", "/features": "paid"}
    tried: Counter[tuple[str, int]] = Counter()
    for found in schemathesis.openapi.from_asgi("/openapi.json", app, headers=TOKEN).get_all_operations():
        operation = found.ok()
        begin = operation.path[: operation.path.find("/{")] if "{" in operation.path else ""
        known = {"name": names[begin]} if begin in names else {}
        for mode in GenerationMode:
            # Names that there are, so that what is behind them is reached; other names where the request is to be wrong.
            path = known if mode is GenerationMode.POSITIVE and known else None

            @seed(1)
            @settings(
                max_examples=EXAMPLES,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode, path_parameters=path))
            def check(case: Any) -> None:
                sent = (case.query or {}).keys()
                beyond = [rule for rule, names in BEYOND.items() if names & sent]
                tried[case.path, case.call_and_validate(headers=TOKEN, excluded_checks=beyond).status_code] += 1

            check()
    print(tried)
    assert len({path for path, _ in tried}) >= 11
    assert {status for _, status in tried} >= {200, 400, 404, 422}
    assert sum(count for (_, status), count in tried.items() if status == 200) > 40
