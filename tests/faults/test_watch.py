"""The freshness watch over a world in which things break: who is told of what, once, and that it ends by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import Connection, text
from tests.faults.world import D3, D4, D5, PIPELINES, Child, Point, World, complete
from tests.unit.paging.people import Team

from headline.errors import BadData
from headline.incidents import watch
from headline.intervals import DAY
from headline.ledger import Ledger
from headline.ledger.engine import engine
from headline.ledger.incident import Incident
from headline.ledger.incidents import Incidents
from headline.paging import people

AFTER_CORE_SHOP = {"unit_profit", "investor_profit", "daily_growth", "investor_growth"}


@pytest.fixture(autouse=True)
def team(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "load", lambda _moment: Team())


@contextmanager
def rewriting() -> Iterator[Connection]:
    """The ledger, with its history open to what only a test may do: change what has happened."""
    with engine().begin() as connection:
        connection.execute(text("set local session_replication_role = replica"))
        yield connection


def look(moment: datetime) -> None:
    """A round of the watch. The company has too many blemishes for a day to be complete, which is not what is tried here."""
    with rewriting() as connection:
        for table in ("publication", "period_state"):
            connection.execute(text(f"update {table} set status = 'complete'"))
    watch.look(moment)


def at(clock: str) -> datetime:
    """A moment of the fifth day, before which the fourth must have landed."""
    return datetime.combine(D5, time.fromisoformat(clock), UTC)


def found(moment: datetime) -> dict[tuple[str, str], Incident]:
    """Look, and give the unresolved incidents of the fourth day by pipeline and kind."""
    look(moment)
    return {(one.pipeline, one.kind): one for one in Incidents().open() if one.ds == D4}


def told() -> list[tuple[str, str]]:
    """The pipeline and kind of every alert that was told, in order."""
    incidents = {one.id: one for one in Incidents().recent(datetime.min.replace(tzinfo=UTC))}
    histories = Incidents().histories(list(incidents))
    events = sorted((event for events in histories.values() for event in events if event.event == "told"), key=lambda e: e.at)
    return [(incidents[event.incident_id].pipeline, incidents[event.incident_id].kind) for event in events]


def test_when_core_is_late_one_alert_is_told_and_it_ends_when_the_data_land(
    fourth_day_arrived: World, enter: Callable[[World], World]
) -> None:
    world = enter(fourth_day_arrived)
    world.complete(("investor_engagement",))
    assert found(at("02:59")) == {}
    assert found(at("03:00")).keys() == {("core_shop", "landing_missed")}
    look(at("03:30"))
    late = found(at("04:00"))
    root = late.pop(("core_shop", "landing_missed"))
    assert {pipeline for pipeline, _ in late} == AFTER_CORE_SHOP
    assert {one.cause_id for one in late.values()} == {root.id}
    assert found(at("04:10")).keys() == {("core_shop", "landing_missed"), *late}
    assert told() == [("core_shop", "landing_missed")] * 3, "on call, primary and secondary, each once"

    world.complete(("core_shop",))
    assert {pipeline for pipeline, _ in found(at("04:15"))} == AFTER_CORE_SHOP
    world.complete(("unit_profit", "investor_profit", "daily_growth"))
    left = found(at("04:30"))
    assert left.keys() == {("investor_growth", "landing_missed")}
    look(at("04:45"))
    assert told()[3:] == [("investor_growth", "landing_missed")], "what it followed from is over, and it is still late"
    world.complete(("investor_growth",))
    assert found(at("04:50")) == {}
    assert len(told()) == 4


def test_a_failed_gate_is_told_with_its_rows_and_the_rest_hangs_on_it(three_days: World, enter: Callable[[World], World]) -> None:
    world = enter(three_days)
    whole = world.rates_file.read_text()
    world.rates_file.write_text(whole.replace(str(D4), str(D4 - DAY)))
    with pytest.raises(BadData):
        world.complete(("finance",))
    world.complete(("shop", "app", "core_app"))
    broken = found(at("01:00"))
    assert broken.keys() == {("finance", "contract_failed")}
    facts = broken["finance", "contract_failed"].facts
    assert (facts["table"], facts["task_id"]) == ("raw.exchange_rates", "write_audit_publish")
    [check] = facts["checks"]
    assert check["measured"] == "1"

    found(at("04:00"))
    assert told()[0] == ("finance", "contract_failed")
    hanging = {one.pipeline for one in Incidents().open() if one.cause_id == broken["finance", "contract_failed"].id}
    assert hanging >= {"finance", "core_finance", "core_shop", "unit_profit", "investor_profit"}

    world.rates_file.write_text(whole)
    world.complete(PIPELINES)
    assert found(at("05:00")) == {}


def test_a_killed_process_leaves_nothing_and_is_missed_at_the_deadline(
    fourth_day_arrived: World, enter: Callable[[World], World]
) -> None:
    world = enter(fourth_day_arrived)
    run = world.run("core_shop")
    child = Child(lambda: complete(run), Point(Ledger, "record_staging_table"))
    child.wait_until_there()
    child.kill()
    assert found(at("02:50")) == {}
    assert found(at("03:00")).keys() == {("core_shop", "landing_missed")}


def test_nobody_is_told_about_days_that_concern_nobody(fourth_day_arrived: World, enter: Callable[[World], World]) -> None:
    world = enter(fourth_day_arrived)
    with world.entered(HEADLINE_START_DATE=str(D5)):
        look(at("12:00"))
    assert Incidents().open() == []
    look(datetime.combine(D5, time(12), UTC) + timedelta(days=30))
    assert {one.ds for one in Incidents().open()} == {D4 + timedelta(days=days) for days in (28, 29, 30)}


def test_a_paused_pipeline_whose_inputs_were_mended_is_stale(undisturbed: World, enter: Callable[[World], World]) -> None:
    world = enter(undisturbed)
    publish_times(before=at("00:30") - timedelta(days=1))
    world.in_shop("update orders set order_status = 'cancelled' where order_id in (select min(order_id) from orders)")
    world.complete(("shop",), D3 - timedelta(days=1), D3)
    mended = Ledger().newest_version()
    publish_times(before=at("00:00") - timedelta(hours=8), after=Ledger().newest_version() - 1)
    assert mended > 0
    assert found(at("02:59")) == {}
    stale = found(at("03:00"))
    assert stale.keys() == {("core_shop", "data_stale")}
    world.complete(("core_shop",))
    assert found(at("03:20")) == {}


def publish_times(before: datetime, after: int = 0) -> None:
    """Let everything after a version have happened by that moment."""
    with rewriting() as connection:
        moments = (("publication", "published_at"), ("load", "extracted_at"), ("period_state", "changed_at"))
        for table, column in moments:
            statement = f"update {table} set {column} = :moment where version > :version"
            connection.execute(text(statement), {"moment": before, "version": after})


def test_two_looks_at_once_tell_once(fourth_day_arrived: World, enter: Callable[[World], World]) -> None:
    enter(fourth_day_arrived)
    looks = [Child(lambda: look(at("03:00"))) for _ in range(3)]
    for child in looks:
        child.finish()
    assert told() == [("core_shop", "landing_missed")]


def test_a_partial_day_is_told_once_though_later_days_sum_it_up(undisturbed: World, enter: Callable[[World], World]) -> None:
    """The third day is partial from core on; what sums up many days is so on the fourth too, and nobody is told of that."""
    enter(undisturbed)
    later = {"profit.experiment_profit", "growth.daily_growth", "engagement.daily_engagement"}
    every_layer = {"core.shop_coverage", "core.app_coverage", "profit.unit_profit", "profit.daily_profit_summary", *later}
    with rewriting() as connection:
        for table in ("publication", "period_state"):
            connection.execute(text(f"update {table} set status = 'complete', coverage = 1"))
            for names, day in ((every_layer, D3), (later, D4)):
                statement = f"update {table} set status = 'partial', coverage = 0.9 where table_name = :name and start = :day"
                changed = [connection.execute(text(statement), {"name": name, "day": day}).rowcount for name in names]
                assert table == "publication" or min(changed) == 1
    watch.look(at("12:00"))
    partial = [one for one in Incidents().open() if one.kind == "data_partial"]
    assert {one.ds for one in partial} == {D3}
    roots = {one.pipeline for one in partial if one.cause_id is None}
    assert roots == {"core_shop", "core_app"}
    hanging = {one.pipeline for one in partial if one.cause_id is not None}
    assert hanging == {"unit_profit", "investor_profit", "daily_growth", "investor_engagement"}
    assert sorted(told()) == [("core_app", "data_partial"), ("core_shop", "data_partial")]
    watch.look(at("12:00") + timedelta(days=4))
    assert [one for one in Incidents().open() if one.kind == "data_partial"] == [], "it is not told for ever"
