"""The ledger on a real PostgreSQL."""

import json
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from threading import Event, Thread
from time import sleep

import psycopg2
import pytest
from sqlalchemy import text

from headline.errors import Transient
from headline.intervals import DAY, Interval
from headline.ledger import Candidate, Change, CheckResult, Ledger, Load, Published
from headline.ledger.engine import engine
from headline.ledger.migrate import differences, migrate

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
WHOLE = Interval(D1, D3 + DAY)


def load_of(landing: str, day: date, checksum: str = "a", rows: int = 1) -> Load:
    """A load as an ingest would record it."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return Load(landing, day, f"file:///{landing}/{day}/{checksum}.parquet", rows, checksum, {"x": "string"}, "test", moment)


def candidate(table: str = "core.x", state: str = "transformed", run_key: str = "k") -> Candidate:
    return Candidate(run_key, table, [Interval(D1, D2), Interval(D3, D3 + DAY)], 7, 10, state, "run")


def published(table: str = "core.x", interval: Interval = WHOLE, as_of: int = 0) -> Published:
    return Published(table, interval, 3, as_of, {"raw.x": 1})


def test_the_migrations_make_what_the_code_expects(ledger: Ledger) -> None:
    assert differences() == []
    migrate()
    assert differences() == []


def test_a_table_that_no_migration_makes_is_told(ledger: Ledger) -> None:
    with engine().begin() as connection:
        connection.execute(text("alter table load add column surplus int"))
    try:
        assert "surplus" in str(differences())
    finally:
        with engine().begin() as connection:
            connection.execute(text("alter table load drop column surplus"))


def test_only_days_whose_content_changed_are_recorded(ledger: Ledger) -> None:
    assert ledger.record_loads([load_of("landing.x", D1, "a"), load_of("landing.x", D2, "b")], "run 1") == 2
    version = ledger.newest_version()
    assert ledger.record_loads([load_of("landing.x", D1, "a"), load_of("landing.x", D2, "b")], "run 2") == 0
    assert ledger.newest_version() == version
    assert ledger.record_loads([load_of("landing.x", D1, "a"), load_of("landing.x", D2, "c")], "run 3") == 1
    assert ledger.changes(["landing.x"], since=version) == [Change("landing.x", Interval(D2, D3), version + 1)]
    assert ledger.record_loads([], "run 4") == 0


def test_content_that_comes_back_is_a_change_too(ledger: Ledger) -> None:
    for checksum in ("a", "b", "a"):
        assert ledger.record_loads([load_of("landing.x", D1, checksum)], "run") == 1
    assert [load.checksum for load in ledger.current_loads("landing.x")] == ["a"]


def test_the_newest_file_of_each_day_is_current(ledger: Ledger) -> None:
    ledger.record_loads([load_of("landing.x", day, "a") for day in (D3, D1, D2)], "run")
    ledger.record_loads([load_of("landing.x", D2, "b"), load_of("landing.y", D2, "y")][:1], "run")
    ledger.record_loads([load_of("landing.y", D2, "y")], "run")
    assert [(load.ds, load.checksum) for load in ledger.current_loads("landing.x")] == [(D1, "a"), (D2, "b"), (D3, "a")]
    assert [load.ds for load in ledger.current_loads("landing.x", [Interval(D1, D2), Interval(D3, D3 + DAY)])] == [D1, D3]
    assert ledger.current_loads("landing.x", []) == []
    [kept] = ledger.current_loads("landing.y")
    assert kept == load_of("landing.y", D2, "y")


def test_loads_and_publications_share_one_order(ledger: Ledger) -> None:
    ledger.record_loads([load_of("landing.x", D1)], "run")
    ledger.record_publications("p", "k", "run", "code", [published(as_of=1)])
    ledger.record_loads([load_of("landing.x", D2)], "run")
    assert [(change.table, change.version, change.as_of) for change in ledger.changes(["landing.x", "core.x"])] == [
        ("landing.x", 1, 0),
        ("core.x", 2, 1),
        ("landing.x", 3, 0),
    ]
    assert [change.version for change in ledger.changes(["landing.x", "core.x"], since=2)] == [3]
    assert ledger.changes([]) == []


def test_versions_appear_in_the_order_of_commits(ledger: Ledger) -> None:
    """A writer that has its version waits to commit; the next one must not commit a higher version before it."""
    has_version, may_commit = Event(), Event()

    def slow() -> None:
        with ledger._begin() as connection:
            ledger._next_versions(connection, 1)
            has_version.set()
            may_commit.wait(10)

    first = Thread(target=slow)
    first.start()
    assert has_version.wait(10)
    second = Thread(target=ledger.record_loads, args=([load_of("landing.x", D1)], "run"))
    second.start()
    second.join(0.3)
    assert second.is_alive()
    assert ledger.newest_version() == 0
    may_commit.set()
    first.join(10)
    second.join(10)
    assert ledger.newest_version() == 2


def test_one_run_publishes_a_pipeline_at_a_time(ledger: Ledger) -> None:
    order: list[str] = []
    other_may_start = Event()

    def other(pipeline: str) -> None:
        other_may_start.wait(10)
        with ledger.publishing(pipeline):
            order.append(pipeline)

    same, different = Thread(target=other, args=("p",)), Thread(target=other, args=("q",))
    same.start()
    different.start()
    with ledger.publishing("p"):
        other_may_start.set()
        different.join(10)
        sleep(0.2)
        order.append("first")
    same.join(10)
    assert order == ["q", "first", "p"]


def test_the_right_to_publish_falls_free_with_a_failure(ledger: Ledger) -> None:
    with pytest.raises(ZeroDivisionError), ledger.publishing("p"):
        raise ZeroDivisionError
    with ledger.publishing("p"):
        pass


def test_a_candidate_that_is_computed_again_starts_over(ledger: Ledger) -> None:
    ledger.record_candidate(candidate())
    ledger.record_audit(candidate(), [], "passed")
    assert ledger.candidates("k")["core.x"].state == "passed"
    ledger.record_candidate(candidate())
    assert ledger.candidates("k") == {"core.x": candidate()}
    assert ledger.candidates("another run") == {}


def test_publishing_closes_only_the_candidates_of_its_run(ledger: Ledger) -> None:
    for key in ("k", "other"):
        ledger.record_candidate(candidate(run_key=key, state="passed"))
    ledger.record_publications("p", "k", "run", "code", [published()])
    assert ledger.candidates("k")["core.x"].state == "published"
    assert ledger.candidates("other")["core.x"].state == "passed"


def test_the_newest_audit_of_each_table_is_shown(ledger: Ledger) -> None:
    def result(outcome: str) -> CheckResult:
        return CheckResult("checks.duplicate", "no duplicates", "duplicate", outcome, Decimal("1.5"), "must be 0")

    ledger.record_audit(candidate("core.x"), [result("failed"), result("passed")], "failed")
    ledger.record_audit(candidate("core.y"), [result("passed")], "passed")
    ledger.record_audit(candidate("core.x"), [result("warned")], "passed")
    assert [(row.table_name, row.outcome, row.measured) for row in ledger.latest_audits()] == [
        ("core.x", "warned", Decimal("1.5")),
        ("core.y", "passed", Decimal("1.5")),
    ]
    assert [row.table_name for row in ledger.latest_audits(["core.y"])] == ["core.y"]


def test_old_candidates_expire(ledger: Ledger) -> None:
    for table in ("core.x", "core.y"):
        ledger.record_candidate(candidate(table))
    with engine().begin() as connection:
        connection.execute(text("update candidate set updated_at = now() - interval '8 days' where table_name = 'core.x'"))
    assert ledger.expired_candidates(7) == [("k", "core.x")]
    ledger.forget_candidates([("k", "core.x")])
    assert list(ledger.candidates("k")) == ["core.y"]


@pytest.fixture
def closed_port(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = {"conn_type": "postgres", "host": "127.0.0.1", "port": 1, "login": "x", "schema": "x"}
    monkeypatch.setenv("AIRFLOW_CONN_NOWHERE", json.dumps(connection))


def test_a_ledger_out_of_reach_is_worth_another_try(closed_port: None) -> None:
    with pytest.raises(Transient, match="connection nowhere"):
        Ledger("nowhere").newest_version()


def test_a_ledger_that_goes_away_and_comes_back_is_reached_again(ledger: Ledger, postgres: str) -> None:
    assert ledger.newest_version() == 0
    with closing(psycopg2.connect(host=postgres, user="postgres")) as server:
        server.autocommit = True
        server.cursor().execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = 'ledger'")
    assert ledger.newest_version() == 0


def test_a_load_is_given_back_as_it_was(ledger: Ledger) -> None:
    load: Load = load_of("landing.x", D1, "a", rows=0)
    ledger.record_loads([load], "run")
    assert ledger.current_loads("landing.x", [WHOLE]) == [load]
