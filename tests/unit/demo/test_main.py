"""`python -m headline.demo fill` against a real database and folder, found through Airflow's connections."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812

from headline.demo.__main__ import main


def test_fill(
    new_database: Callable[[], Connection], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    database = new_database()
    found = database.get_dsn_parameters()
    shop = {"conn_type": "postgres", "host": found["host"], "login": "postgres", "schema": found["dbname"]}
    share = {"conn_type": "fs", "extra": {"path": f"file://{tmp_path}/datashare"}}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_SHOP_OWNER", json.dumps(shop))
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_DATASHARE", json.dumps(share))

    assert main(["fill", "--days", "2", "--last", "2026-03-02"]) == 0

    assert "shop: 2026-03-01 to 2026-03-02, 2 new days, 0 rows corrected; data share: " in capsys.readouterr().out
    assert len(list((tmp_path / "datashare").iterdir())) == 2 + 2 + 1
    assert len(list((tmp_path / "datashare" / "events").iterdir())) == 2
    with database.cursor() as cursor:
        cursor.execute("select count(*) from order_items")
        assert 3_000 < cursor.fetchone()[0] < 6_000
