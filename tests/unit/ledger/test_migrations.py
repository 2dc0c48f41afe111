"""A ledger that was there before current states were kept: its history fills them."""

import json
from collections.abc import Iterator
from contextlib import closing
from datetime import date
from typing import Any

import psycopg2
import pytest
from alembic import command
from alembic.config import Config

from headline.intervals import DAY
from headline.ledger import Ledger, migrate, stale_periods
from headline.ledger.engine import engine
from headline.settings import PROJECT
from headline.specs import Window

D1, D2, D3 = (date(2026, 3, 1 + n) for n in range(3))
LOAD = (
    "insert into load (version, landing, ds, file, row_count, checksum, columns, origin, extracted_at, run_id) "
    "values (%s, 'landing.x', %s, 'f', %s, %s, '{}', 'o', '2026-03-05', 'r')"
)
PUBLICATION = (
    'insert into publication (version, pipeline, table_name, start, "end", status, coverage, row_count, as_of, inputs, '
    "code_version, run_key, run_id, published_at) values (%s, 'p', %s, %s, %s, %s, %s, %s, %s, '{}', 'c', %s, %s, %s)"
)


@pytest.fixture
def old(postgres: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Iterator[Any]:
    """A cursor on a ledger of an earlier revision; it is thrown away afterwards."""
    with closing(psycopg2.connect(host=postgres, user="postgres", dbname="postgres")) as server:
        server.autocommit = True
        server.cursor().execute("drop database if exists old_ledger")
        server.cursor().execute("create database old_ledger")
    connection = {"conn_type": "postgres", "host": postgres, "login": "postgres", "schema": "old_ledger"}
    monkeypatch.setenv("AIRFLOW_CONN_OLD_LEDGER", json.dumps(connection))
    config = Config()
    config.set_main_option("script_location", str(PROJECT / "plugins" / "headline" / "ledger" / "migrations"))
    with engine("old_ledger").begin() as opened:
        config.attributes["connection"] = opened
        command.upgrade(config, getattr(request, "param", "0003"))
    with closing(psycopg2.connect(host=postgres, user="postgres", dbname="old_ledger")) as server:
        server.autocommit = True
        yield server.cursor()
    engine("old_ledger").dispose()


def test_each_day_is_as_the_newest_of_the_history_says(old: Any) -> None:
    for row in [(1, D1, 5, "a"), (2, D2, 6, "b"), (3, D1, 7, "c")]:
        old.execute(LOAD, row)
    for row in [
        (4, "core.x", D1, D3 + DAY, "complete", 1, 30, 3, "k1", "run 1", "2026-03-06 01:00"),
        (5, "core.y", D1, D3 + DAY, "complete", 1, 30, 3, "k1", "run 1", "2026-03-06 01:00"),
        (6, "core.x", D2, D3, "partial", 0.9, 10, 5, "k2", "run 2", "2026-03-06 02:00"),
    ]:
        old.execute(PUBLICATION, row)
    migrate("old_ledger")
    ledger = Ledger("old_ledger")
    assert [(one.interval.start, one.version, one.fingerprint, one.row_count) for one in ledger.states(["landing.x"])] == [
        (D1, 3, "c", 7),
        (D2, 2, "b", 6),
    ]
    found = [
        (one.interval.start, len(one.interval), one.version, one.as_of, one.status, float(one.coverage), one.run_id)
        for one in ledger.states(["core.x"])
    ]
    assert found == [
        (D1, 1, 4, 5, "complete", 1.0, "run 1"),
        (D2, 1, 6, 6, "partial", 0.9, "run 2"),
        (D3, 1, 4, 5, "complete", 1.0, "run 1"),
    ]
    assert {one.fingerprint for one in ledger.states(["core.x", "core.y"])} == {None}, "what nobody has computed is not known"
    # A run has seen what it published itself: core.x was computed before core.y, and is as new.
    states = ledger.states(["core.y"])
    assert [one.as_of for one in states] == [5, 5, 5]
    reads = {"core.x": Window()}
    assert [one.interval.start for one in stale_periods(states, reads, ledger.changes(reads, states[0].interval, 5))] == []
    newer = ledger.changes(reads, states[1].interval, 5)
    assert [one.interval.start for one in stale_periods(states, reads, newer)] == [D2]


def test_an_empty_ledger_stays_empty(old: Any) -> None:
    migrate("old_ledger")
    assert Ledger("old_ledger").states(["core.x", "landing.x"]) == []


@pytest.mark.parametrize("old", ["0015"], indirect=True)
def test_what_is_stored_gets_the_words_of_today(old: Any) -> None:
    for outcome in ("passed", "learning", "accepted", "not_checked"):
        old.execute(
            "insert into audit (run_key, run_id, table_name, check_path, check_name, check_type, outcome, threshold, kind, "
            "sample) values ('k', 'r', 'core.x', 'p', 'n', 'failed_rows', %s, '', 'anomaly', '[]')",
            [outcome],
        )
    old.execute(
        "insert into candidate (run_key, table_name, intervals, as_of, row_count, state, run_id) "
        "values ('k', 'core.x', '[]', 1, 1, 'not_checked', 'r')"
    )
    old.execute(
        "insert into incident (pipeline, kind, ds, since, facts, state, opened_at) "
        "values ('core_x', 'contract_broken', '2026-03-01', now(), '{}', 'open', now())"
    )
    migrate("old_ledger")
    old.execute("select outcome from audit order by id")
    assert [outcome for (outcome,) in old.fetchall()] == ["passed", "insufficient_history", "waived", "not_evaluated"]
    old.execute("select (select state from staging_table), (select kind from incident)")
    assert old.fetchone() == ("not_evaluated", "contract_failed")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="history"):
        old.execute("update audit set outcome = 'passed'")
