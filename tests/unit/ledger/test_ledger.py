"""The ledger on a real PostgreSQL."""

import json
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from threading import Event, Thread

import psycopg2
import pytest
from sqlalchemy import text
from tests.unit.records import days_of, record

from headline.errors import Transient
from headline.intervals import DAY, Interval
from headline.ledger import Change, CheckResult, Ledger, Load, Published, StagingTable
from headline.ledger.engine import engine
from headline.ledger.migrate import differences, migrate
from headline.ledger.versions import next_versions
from headline.specs import Window

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
WHOLE = Interval(D1, D3 + DAY)


def load_of(landing: str, day: date, checksum: str = "a", rows: int = 1) -> Load:
    """A load as an ingest would record it."""
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return Load(landing, day, f"file:///{landing}/{day}/{checksum}.parquet", rows, checksum, {"x": "string"}, "test", moment)


def staging_table(table: str = "core.x", state: str = "transformed", run_key: str = "k") -> StagingTable:
    return StagingTable(run_key, table, [Interval(D1, D2), Interval(D3, D3 + DAY)], 7, 10, state, "run")


def test_the_migrations_make_what_the_code_expects(ledger: Ledger) -> None:
    assert differences() == []
    migrate()
    assert differences() == []


def test_a_table_that_no_migration_makes_is_told(ledger: Ledger, postgres: str) -> None:
    with closing(psycopg2.connect(host=postgres, user="postgres", dbname="ledger")) as server:
        server.autocommit = True
        server.cursor().execute("alter table load add column surplus int")
        try:
            assert "surplus" in str(differences())
        finally:
            server.cursor().execute("alter table load drop column surplus")


def test_only_days_whose_content_changed_are_recorded(ledger: Ledger) -> None:
    assert ledger.record_loads([load_of("landing.x", D1, "a"), load_of("landing.x", D2, "b")], "run 1") == 2
    version = ledger.newest_version()
    assert ledger.record_loads([load_of("landing.x", D1, "a"), load_of("landing.x", D2, "b")], "run 2") == 0
    assert ledger.newest_version() == version
    assert ledger.record_loads([load_of("landing.x", D1, "a"), load_of("landing.x", D2, "c")], "run 3") == 1
    assert ledger.changes({"landing.x": Window()}, WHOLE, version) == [Change("landing.x", Interval(D2, D3), version + 1)]
    assert ledger.record_loads([], "run 4") == 0


def test_content_that_comes_back_is_a_change_too(ledger: Ledger) -> None:
    for checksum in ("a", "b", "a"):
        assert ledger.record_loads([load_of("landing.x", D1, checksum)], "run") == 1
    assert [load.checksum for load in ledger.current_loads("landing.x")] == ["a"]


def test_of_two_readings_of_a_day_the_later_one_counts_whichever_ends_first(ledger: Ledger) -> None:
    def record(checksum: str, hour: int) -> int:
        read = replace(load_of("landing.x", D1, checksum), extracted_at=datetime(2026, 3, 2, hour, tzinfo=UTC))
        return ledger.record_loads([read], "run")

    assert record("corrected", 9) == 1
    assert record("as it was", 8) == 0, "it began before the other, and took longer"
    assert record("corrected", 11) == 0
    assert record("as it was", 10) == 0, "since then the day was read again, and had not changed"
    assert [load.checksum for load in ledger.current_loads("landing.x")] == ["corrected"]
    assert record("corrected again", 12) == 1


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
    reads = {"landing.x": Window(), "core.x": Window()}
    ledger.record_loads([load_of("landing.x", D1)], "run")
    record(ledger, *days_of("core.x", D1))
    ledger.record_loads([load_of("landing.x", D2)], "run")
    found = {(change.table, change.version) for change in ledger.changes(reads, WHOLE)}
    assert found == {("landing.x", 1), ("core.x", 2), ("landing.x", 3)}
    assert [(state.table, state.version, state.as_of) for state in ledger.states(reads)] == [
        ("core.x", 2, 2),
        ("landing.x", 1, 1),
        ("landing.x", 3, 3),
    ]
    assert [change.version for change in ledger.changes(reads, WHOLE, since=2)] == [3]
    assert ledger.changes({}, WHOLE) == []


def test_periods_beside_each_other_share_a_version_and_all_that_was_computed_is_as_of_the_record(ledger: Ledger) -> None:
    record(ledger, *days_of("core.x", D1, D3))
    assert [state.version for state in ledger.states(["core.x"])] == [1, 1, 1]
    record(ledger, *days_of("core.x", D1), *days_of("core.x", D3), *days_of("core.y", D1), unchanged={"core.x": [D2]})
    assert [(state.version, state.as_of) for state in ledger.states(["core.x"])] == [(2, 4), (1, 4), (3, 4)]
    assert [(state.version, state.as_of) for state in ledger.states(["core.y"])] == [(4, 4)]
    record(ledger, unchanged={"core.x": [D1]})
    assert ledger.newest_version() == 4, "unchanged periods take no version"


def test_a_lifted_period_keeps_the_time_of_its_change(ledger: Ledger) -> None:
    record(ledger, *days_of("core.x", D1, D2))
    before = ledger.states(["core.x"])
    record(ledger, unchanged={"core.x": [D1]})
    after = ledger.states(["core.x"])
    assert [state.changed_at for state in after] == [state.changed_at for state in before]
    assert [new.computed_at > old.computed_at for new, old in zip(after, before, strict=True)] == [True, False]


def test_a_new_period_takes_the_place_of_all_that_was_known_of_its_days(ledger: Ledger) -> None:
    record(ledger, *days_of("core.x", D1, D3))
    record(ledger, Published("core.x", WHOLE, "1:a", 1))
    assert [state.interval for state in ledger.states(["core.x"])] == [WHOLE]


def test_states_are_read_by_range_of_days(ledger: Ledger) -> None:
    record(ledger, *days_of("core.x", D1, D3), Published("core.w", WHOLE, "1:a", 1))
    assert [state.interval.start for state in ledger.states(["core.x"], Interval(D2, D3))] == [D2]
    assert [state.interval.start for state in ledger.states(["core.x"], Interval(D1, D2), Interval(D3, D3 + DAY))] == [D1, D3]
    assert [state.interval for state in ledger.states(["core.w"], Interval(D2, D3))] == [WHOLE], (
        "a period is met by any of its days"
    )
    assert ledger.newest_days(["core.x", "core.w", "core.absent"]) == {"core.x": D3, "core.w": D1}
    assert ledger.days_until(["core.x", "core.w"], D3) == {"core.x": (D1, 2), "core.w": (D1, 3)}


def test_days_before_the_interval_are_one_change_where_a_window_has_no_bound(ledger: Ledger) -> None:
    record(ledger, *days_of("core.x", D1))
    record(ledger, *days_of("core.x", D2))
    last = Interval(D3, D3 + DAY)
    assert ledger.changes({"core.x": Window(lookback_days="all")}, last) == [Change("core.x", Interval(date.min, D3), 2)]
    assert ledger.changes({"core.x": Window(lookback_days=1)}, last) == [Change("core.x", Interval(D2, D3), 2)]
    assert ledger.changes({"core.x": Window(lookback_days="all")}, last, since=2) == []


def test_the_changes_of_the_inputs_of_several_tables_are_told_apart(ledger: Ledger) -> None:
    record(ledger, *days_of("core.x", D1, D2), *days_of("core.w", D3))
    record(ledger, *days_of("core.x", D3))
    last = Interval(D3, D3 + DAY)
    asked = {
        "profit.of_the_day": ({"core.x": Window()}, last, 0),
        "profit.of_all_days": ({"core.x": Window(lookback_days="all"), "core.w": Window()}, last, 0),
        "profit.seen": ({"core.x": Window(lookback_days="all")}, last, 100),
        "profit.of_nothing": ({}, last, 0),
    }
    together = ledger.changes_of(asked)
    assert {name: set(found) for name, found in together.items()} == {
        name: set(ledger.changes(*one)) for name, one in asked.items()
    }
    assert [change.interval for change in together["profit.of_the_day"]] == [last]
    assert {(change.table, change.interval.start) for change in together["profit.of_all_days"]} == {
        ("core.x", date.min),
        ("core.x", D3),
        ("core.w", D3),
    }
    assert together["profit.seen"] == together["profit.of_nothing"] == []
    assert ledger.changes_of({}) == {}


def test_versions_appear_in_the_order_of_commits(ledger: Ledger) -> None:
    """A writer that has its version waits to commit; the next one must not commit a higher version before it."""
    has_version, may_commit = Event(), Event()

    def slow() -> None:
        with ledger._begin() as connection:
            next_versions(connection, 1)
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


def test_nobody_is_given_a_version_while_a_publication_is_recorded(ledger: Ledger) -> None:
    """Between the last look at the inputs and the record nothing may change unseen."""
    with ledger.recording() as recording:
        other = Thread(target=ledger.record_loads, args=([load_of("landing.x", D1)], "run"))
        other.start()
        other.join(0.3)
        assert other.is_alive()
        assert recording.changed_since(["landing.x"], 0) == []
    other.join(10)
    assert ledger.newest_version() == 1


def test_the_right_to_a_version_falls_free_with_a_failure(ledger: Ledger) -> None:
    with pytest.raises(ZeroDivisionError), ledger.recording():
        raise ZeroDivisionError
    record(ledger, *days_of("core.x", D1))
    assert ledger.newest_version() > 0


def test_a_candidate_that_is_computed_again_starts_over(ledger: Ledger) -> None:
    ledger.record_staging_table(staging_table())
    ledger.record_audit(staging_table(), [], "passed")
    assert ledger.staging_tables("k")["core.x"].state == "passed"
    ledger.record_staging_table(staging_table())
    assert ledger.staging_tables("k") == {"core.x": staging_table()}
    assert ledger.staging_tables("another run") == {}


def test_publishing_closes_only_the_candidates_of_its_run(ledger: Ledger) -> None:
    for key in ("k", "other"):
        ledger.record_staging_table(staging_table(run_key=key, state="passed"))
    record(ledger, *days_of("core.x", D1), run_key="k")
    assert ledger.staging_tables("k")["core.x"].state == "published"
    assert ledger.staging_tables("other")["core.x"].state == "passed"


def test_the_newest_audit_of_each_table_is_shown(ledger: Ledger) -> None:
    def result(outcome: str) -> CheckResult:
        return CheckResult("checks.duplicate", "no duplicates", "duplicate", outcome, Decimal("1.5"), "must be 0")

    ledger.record_audit(staging_table("core.x"), [result("failed"), result("passed")], "failed")
    ledger.record_audit(staging_table("core.y"), [result("passed")], "passed")
    ledger.record_audit(staging_table("core.x"), [result("warned")], "passed")
    assert [(row.table_name, row.outcome, row.measured) for row in ledger.latest_audits()] == [
        ("core.x", "warned", Decimal("1.5")),
        ("core.y", "passed", Decimal("1.5")),
    ]
    assert [row.table_name for row in ledger.latest_audits(["core.y"])] == ["core.y"]


def test_an_audit_is_kept_as_it_was_found(ledger: Ledger) -> None:
    sample = [{"ds": "2026-03-01", "order_id": "a:1 'quoted' \\ ü", "coupon": None}]
    unknown = CheckResult("checks.b", "b", "failed_rows", "not_evaluated", None, "")
    failed = CheckResult(
        "checks.a", "a", "failed_rows", "failed", Decimal("12345678901234567890.25"), "must be 0", "anomaly", sample
    )
    ledger.record_staging_table(staging_table())
    ledger.record_audit(staging_table(), [unknown, failed], "failed")
    kept = [(row.check_path, row.outcome, row.measured, row.kind, row.sample, row.run_id) for row in ledger.latest_audits()]
    assert kept == [
        ("checks.b", "not_evaluated", None, "schema", [], "run"),
        ("checks.a", "failed", Decimal("12345678901234567890.25"), "anomaly", sample, "run"),
    ]
    assert ledger.staging_tables("k") == {"core.x": staging_table(state="failed")}


def test_old_candidates_expire(ledger: Ledger) -> None:
    for table in ("core.x", "core.y"):
        ledger.record_staging_table(staging_table(table))
    with engine().begin() as connection:
        connection.execute(text("update staging_table set updated_at = now() - interval '8 days' where table_name = 'core.x'"))
    assert ledger.expired_staging_tables(7) == [("k", "core.x")]
    ledger.forget_staging_tables([("k", "core.x")])
    assert list(ledger.staging_tables("k")) == ["core.y"]


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


def test_days_that_other_code_made_are_told_until_they_are_computed_again(ledger: Ledger) -> None:
    record(ledger, *days_of("core.x", D1, D3), *days_of("core.w", D1, D2), code="old")
    assert ledger.made_by_other_code({"core.x": "old", "core.w": "old", "core.z": "old"}) == {}
    two_days = Interval(D1, D3)
    assert ledger.made_by_other_code({"core.x": "new"}) == {"core.x": [Interval(D1, D3 + DAY)]}
    record(ledger, *days_of("core.x", D1, content="b"), unchanged={"core.x": [D2]}, code="new")
    assert ledger.made_by_other_code({"core.x": "new"}) == {"core.x": [Interval(D3, D3 + DAY)]}, "changed or not"
    # The newest computation of what is replaced whole made all of it.
    assert ledger.made_by_other_code({"core.w": "new"}, {"core.w"}) == {"core.w": [two_days]}
    record(ledger, unchanged={"core.w": [D2]}, code="new")
    assert ledger.made_by_other_code({"core.w": "new"}, {"core.w"}) == {}
    assert ledger.made_by_other_code({}) == {}
