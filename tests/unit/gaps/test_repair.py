"""What is done about missing days, attempt by attempt, on a real ledger and with a clock that stands still."""

import logging
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Literal

import pytest
from tests.unit.gaps.test_completeness import audited
from tests.unit.records import days_of, record

from headline import specs
from headline.gaps import repair, settle, take_stock
from headline.gaps.repair import DISTANCES, VANISHED, Slice
from headline.intervals import DAY
from headline.ledger import Ledger, Load, Repairs

D1 = date(2026, 3, 1)
D2, D3, D4, D5 = (D1 + DAY * n for n in range(1, 5))
LANDING = "landing.orders"
DUE = datetime.combine(D2, time(2), UTC)  # of the first day
FIRST, SECOND, THIRD = DISTANCES
TICK = timedelta(minutes=15)
NOTHING = {"files": 0, "rows": 0, "checksum": None}


@dataclass
class FakeAirflow:
    """Airflow's runs, as a test wants them."""

    obstacles: dict[str, str] = field(default_factory=dict)
    runs: dict[tuple[str, str], Literal["at work", "ended"]] = field(default_factory=dict)

    def obstacle(self, dag_id: str) -> str:
        return self.obstacles.get(dag_id, "")

    def state(self, dag_id: str, run_id: str) -> Literal["at work", "ended", "absent"]:
        return self.runs.get((dag_id, run_id), "absent")


@dataclass
class World:
    """A throw-away shop whose schedule began with the first day, and the repair that looks after it."""

    ledger: Ledger
    airflow: FakeAirflow = field(default_factory=FakeAirflow)

    def look(self, now: datetime) -> list[str]:
        """One look, and the runs that it triggers come and go; gives their ids."""
        slices = self.slices(now)
        self.airflow.runs |= {(one.dag_id, one.run_id): "ended" for one in slices}
        return [one.run_id for one in slices]

    def look_all_day(self) -> dict[str, datetime]:
        """A look every quarter of an hour until the next day is due; gives the runs and when they were triggered."""
        moments = [DUE + n * TICK for n in range(DAY // TICK)]
        return {run_id: now for now in moments for run_id in self.look(now)}

    def slices(self, now: datetime) -> list[Slice]:
        return repair(specs.load(), self.ledger, Repairs(), self.airflow, now)

    def settle(self, now: datetime) -> None:
        settle(take_stock(specs.load(), self.ledger, now), Repairs(), self.airflow, now)

    def load(self, *days: date, landing: str = LANDING) -> None:
        moment = datetime.combine(D1, time(), UTC)
        loads = [Load(landing, day, f"{day}", 5, f"checksum {day}", {}, "test", moment) for day in days]
        self.ledger.record_loads(loads, "run")

    def publish(self, table: str, *days: date) -> None:
        record(self.ledger, *(one for day in days for one in days_of(table, day)))

    def record(self) -> list[tuple[str, str, int, str]]:
        return [(one.landing, str(one.ds)[-2:], one.attempt, one.outcome) for one in Repairs().all()]


@pytest.fixture
def world(project: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> World:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("HEADLINE_START_DATE", str(D1))
    project.forget()
    return World(project.ledger)


def run_id(day: str, attempt: int, what: str = "orders") -> str:
    return f"repair__{what}__{day}__{attempt}"


def test_nothing_missing_nothing_done(world: World) -> None:
    world.load(D1)
    world.publish("raw.orders", D1)
    world.publish("core.orders", D1)
    assert world.slices(DUE + DAY - TICK) == []
    assert world.record() == []


def test_a_missing_day_is_brought_by_a_run_for_exactly_that(world: World) -> None:
    assert world.slices(DUE + FIRST - timedelta(seconds=1)) == []
    now = DUE + FIRST
    [one] = world.slices(now)
    assert (one.dag_id, one.run_id) == ("shop", run_id("2026-03-01", 1))
    assert one.conf == {"from": "2026-03-01", "to": "2026-03-01", "landings": ["orders"]}
    assert one.note == "2026-03-01 of landing.orders: nothing has been loaded; attempt 1 of 3"
    [attempt] = Repairs().all()
    assert (attempt.source, attempt.before, attempt.outcome, attempt.started_at) == ("shop", NOTHING, "started", now)

    world.airflow.runs["shop", one.run_id] = "at work"
    world.load(D1)
    world.settle(now + TICK)
    assert Repairs().all() == [attempt], "its run has not ended"
    world.airflow.runs["shop", one.run_id] = "ended"
    world.settle(now + TICK)
    [attempt] = Repairs().all()
    assert (attempt.outcome, attempt.finished_at) == ("repaired", now + TICK)
    assert attempt.after == {"files": 1, "rows": 5, "checksum": "checksum 2026-03-01"}


def test_three_attempts_ever_further_apart_then_one_escalation(world: World, caplog: pytest.LogCaptureFixture) -> None:
    triggered = world.look_all_day()
    assert list(triggered) == [run_id("2026-03-01", number) for number in (1, 2, 3)]
    first, second, third = triggered.values()
    assert (first - DUE, second - first - TICK, third - second - TICK) == DISTANCES
    assert world.record() == [(LANDING, "01", 1, "failed"), (LANDING, "01", 2, "failed"), (LANDING, "01", 3, "escalated")]
    [message] = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    for words in (
        "landing.orders lacks 2026-03-01, due since 2026-03-02 02:00 UTC: nothing has been loaded",
        "3 attempts have failed; the log of the last one, run repair__orders__2026-03-01__3 of shop",
        "Ask whoever owns the source, see the runbook of shop: The shop's orders, as they arrive.",
        "trigger shop with From 2026-03-01, To 2026-03-01, Landings orders",
    ):
        assert words in message


def test_a_later_arrival_closes_an_escalation(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.look_all_day()
    now = DUE + DAY - TICK
    assert world.record()[-1] == (LANDING, "01", 3, "escalated")
    caplog.clear()
    world.load(D1)
    world.look(now + TICK)
    last = Repairs().all()[2]
    assert (last.outcome, last.finished_at) == ("repaired", now + TICK)
    assert last.after == {"files": 1, "rows": 5, "checksum": "checksum 2026-03-01", "was": "escalated"}
    assert [one.outcome for one in Repairs().all()[:2]] == ["failed", "failed"]
    world.look(now + 2 * TICK)
    assert sum("repaired" in record.getMessage() for record in caplog.records) == 1


def test_adjacent_days_share_the_first_run_and_no_later_one(world: World) -> None:
    """One day that stays away must not keep its neighbours away."""
    now = DUE + 4 * DAY + FIRST
    world.load(D3)
    world.publish("raw.orders", D3)
    world.publish("core.orders", D3)
    assert world.look(now) == ["repair__orders__2026-03-01..2026-03-02__1", "repair__orders__2026-03-04..2026-03-05__1"]
    assert world.look(now + TICK) == []
    assert world.look(now + TICK + SECOND) == [run_id(f"2026-03-0{day}", 2) for day in (1, 2, 4, 5)]


def test_a_dag_gets_no_more_runs_at_once_than_it_works_on(world: World) -> None:
    world.load(*(D1 + 2 * n * DAY for n in range(7)))
    world.airflow.obstacles["core_shop"] = "the DAG is paused"
    now = DUE + 12 * DAY + FIRST
    assert len(world.look(now)) == 4
    assert len(world.look(now + TICK)) == 4


def test_what_lacks_on_the_same_day_comes_by_one_run(world: World, project: Any) -> None:
    project.replace("sources/shop/source.yml", "  orders:\n", "  orders: {reads: {landing.orders: , landing.notes: }}\n")
    with (project.sql / "sources/shop/source.yml").open("a") as spec:
        spec.write('  notes: {kind: files, connection: headline_drop, pattern: "notes_{{ ds }}.csv", format: csv}\n')
    project.forget()
    now = DUE + FIRST
    [one] = world.slices(now)
    assert (one.run_id, one.conf["landings"]) == (run_id("2026-03-01", 1, "notes+orders"), ["notes", "orders"])
    world.airflow.runs["shop", one.run_id] = "ended"
    world.load(D1)
    world.look(now + TICK)
    [one] = world.slices(now + TICK + SECOND)
    assert (one.run_id, one.conf["landings"]) == (run_id("2026-03-01", 2, "notes"), ["notes"])


def test_a_day_that_no_pipeline_would_compute_is_computed_again(world: World) -> None:
    """Layer after layer: a pipeline's day lacks as soon as all that it reads is there."""
    world.load(D1)
    now = DUE + FIRST
    [one] = world.slices(now)
    assert (one.dag_id, one.run_id) == ("shop", run_id("2026-03-01", 1, "shop"))
    assert one.conf == {"from": "2026-03-01", "to": "2026-03-01", "landings": []}, "nothing is read again"
    world.airflow.runs["shop", one.run_id] = "ended"
    world.publish("raw.orders", D1)
    now = DUE + timedelta(hours=1) + FIRST
    [one] = world.slices(now)
    assert (one.dag_id, one.run_id) == ("core_shop", run_id("2026-03-01", 1, "core_shop"))
    assert one.conf == {"from": "2026-03-01", "to": "2026-03-01"}
    world.airflow.runs["core_shop", one.run_id] = "ended"
    world.publish("core.orders", D1)
    assert world.look(now + TICK) == []
    assert world.record() == [("shop", "01", 1, "repaired"), ("core_shop", "01", 1, "repaired")]
    assert [one.after for one in Repairs().all()] == [{"tables": ["raw.orders"]}, {"tables": ["core.orders"]}]


def test_a_pipeline_is_given_up_like_a_source(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.load(D1)
    world.publish("raw.orders", D1)
    world.look_all_day()
    assert world.record()[-1] == ("core_shop", "01", 3, "escalated")
    [message] = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert "core_shop lacks 2026-03-01, due since 2026-03-02 03:00 UTC: all that it reads is there" in message
    assert "Ask the owners of the pipeline" in message
    assert "trigger core_shop with From 2026-03-01, To 2026-03-01. " in message


def test_a_dag_that_is_paused_or_at_work_is_left_alone_and_said_so(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.airflow.obstacles["shop"] = "the DAG is paused: unpause it"
    assert world.look(DUE + FIRST) == []
    assert "shop: 1 day(s) from 2026-03-01 on are missing, but the DAG is paused: unpause it" in caplog.messages
    assert world.record() == [], "no attempt is used up"
    world.airflow.obstacles.clear()
    assert world.look(DUE + FIRST + TICK) == [run_id("2026-03-01", 1)]


def test_a_look_that_dies_before_it_triggers_is_made_good_by_the_next(world: World) -> None:
    now = DUE + FIRST
    [one] = world.slices(now)
    assert world.slices(now + TICK) == [one], "the same run, which can be triggered once only"
    world.airflow.obstacles["shop"] = "the DAG is paused"
    assert world.slices(now + TICK) == [], "no run is piled up before a paused DAG"
    assert world.record() == [(LANDING, "01", 1, "started")]


def test_an_attempt_whose_run_has_vanished_has_failed_after_a_time(world: World) -> None:
    now = DUE + FIRST
    world.slices(now)
    world.settle(now + VANISHED - TICK)
    assert world.record() == [(LANDING, "01", 1, "started")]
    world.settle(now + VANISHED)
    assert world.record() == [(LANDING, "01", 1, "failed")]
    assert world.slices(now + VANISHED) == []
    assert [one.run_id for one in world.slices(now + VANISHED + SECOND)] == [run_id("2026-03-01", 2)]


def test_two_looks_at_once_begin_one_attempt(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other look comes between this one's reading of the record and its own entry."""
    now, begin, others = DUE + FIRST, Repairs.begin, []

    def begin_later(repairs: Repairs, attempts: Any) -> Any:
        with monkeypatch.context() as patch:
            patch.setattr(Repairs, "begin", begin)
            others.extend(world.slices(now))
        return begin(repairs, attempts)

    monkeypatch.setattr(Repairs, "begin", begin_later)
    assert world.slices(now) == others
    assert world.record() == [(LANDING, "01", 1, "started")]


def test_what_came_and_is_gone_again_has_its_remaining_attempts(world: World) -> None:
    now = DUE + FIRST
    world.look(now)
    world.load(D1)
    world.settle(now + TICK)
    assert world.record() == [(LANDING, "01", 1, "repaired")]
    audited(world.ledger, "raw.orders", D1)
    assert world.look(now + TICK + SECOND) == [run_id("2026-03-01", 2)]
    [_, second] = Repairs().all()
    assert (second.before["files"], second.before["rows"]) == (1, 5)
