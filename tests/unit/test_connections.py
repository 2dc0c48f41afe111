from typing import Any

import pytest

from headline import connections
from headline.errors import BadRequest

WAREHOUSE = "AIRFLOW_CONN_HEADLINE_WAREHOUSE"


@pytest.mark.parametrize(
    "text",
    [
        '{"conn_type": "duckdb", "host": "/data/w.duckdb", "extra": {"memory_limit": "2GB"}}',
        '{"conn_type": "duckdb", "host": "/data/w.duckdb", "extra": "{\\"memory_limit\\": \\"2GB\\"}"}',
        "duckdb://%2Fdata%2Fw.duckdb/?memory_limit=2GB",
    ],
    ids=["json", "json with extra as text", "uri, read by Airflow"],
)
def test_a_connection_is_the_same_however_it_is_written(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(WAREHOUSE, text)
    found = connections.get("headline_warehouse")
    assert (found.conn_type, found.host, found.extra) == ("duckdb", "/data/w.duckdb", {"memory_limit": "2GB"})


def test_secrets_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(WAREHOUSE, '{"conn_type": "postgres", "password": "sesame", "extra": {"token": "mellon"}}')
    shown = repr(connections.get("headline_warehouse"))
    assert "sesame" not in shown
    assert "mellon" not in shown


def test_a_connection_that_is_not_there_says_what_to_do(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.delenv(WAREHOUSE, raising=False)
    with pytest.raises(BadRequest, match=r"no connection headline_warehouse: `make run`"):
        connections.get("headline_warehouse")
