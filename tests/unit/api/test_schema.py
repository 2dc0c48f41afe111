"""What openapi.json promises holds for whatever is sent: schemathesis tries it, with the same examples each time."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, seed, settings
from schemathesis.config import SchemathesisConfig
from tests.unit.api.conftest import Client
from tests.unit.api.test_rights import metrics  # noqa: F401 (a fixture)

from headline import settings as deployment
from headline.api import gate
from headline.api.app import app

EXAMPLES = 8  # of each endpoint
CONFIG = SchemathesisConfig.from_dict({"seed": 1, "generation": {"modes": ["positive", "negative"]}})


def test_nothing_that_is_sent_breaks_a_promise(metrics: Any, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    monkeypatch.setenv("HEADLINE_API_RATE", "100000 per minute")
    deployment.load.cache_clear()
    gate.rate.cache_clear()
    token = {"authorization": "Bearer ada"}
    schema = schemathesis.openapi.from_dict(client().get("/openapi.json").json(), config=CONFIG)
    schema.app = app
    tried: dict[str, int] = {}
    for found in schema.get_all_operations():
        operation = found.ok()
        path = operation.path

        @seed(1)
        @settings(
            max_examples=EXAMPLES,
            database=None,
            deadline=None,
            derandomize=False,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @operation.as_strategy_given
        def check(case: Any) -> None:
            tried[path] = tried.get(path, 0) + 1
            case.call_and_validate(headers=token)

        check()
    assert len(tried) >= 11
    assert min(tried.values()) >= EXAMPLES // 2
