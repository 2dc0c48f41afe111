"""Settings of the fuzz tests, which `make fuzz` runs for minutes.

Examples are the same on every run; `--hypothesis-profile=fuzz` looks for new ones and shrinks what fails.
"""

from __future__ import annotations

import os

import hypothesis
import pytest

hypothesis.settings.register_profile(
    "few",
    max_examples=25,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)
hypothesis.settings.register_profile(
    "fuzz",
    hypothesis.settings.get_profile("few"),
    max_examples=int(os.environ.get("HEADLINE_TEST_FUZZ_EXAMPLES", "1000")),
    derandomize=False,
    phases=list(hypothesis.Phase),
    print_blob=True,
)


def pytest_configure(config: pytest.Config) -> None:
    if not config.getoption("--hypothesis-profile"):
        hypothesis.settings.load_profile("few")
