"""What is missing is found, and exactly that is read again, until every table is as if nothing had happened."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest
from tests.faults.world import D1, D2, D4, D5, PIPELINES, Table, World, differences, steps

from headline import sources, specs
from headline.errors import HeadlineError
from headline.gaps import repair
from headline.gaps.repair import DISTANCES
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, Repairs
from headline.pipeline import PipelineRun

TICK = timedelta(minutes=15)
MORNING = datetime.combine(D5, time(4, 30), UTC)  # every pipeline should have landed the fourth day
SOURCES = ("shop", "finance", "app")


def completes(run: PipelineRun) -> bool:
    """Run the steps as Airflow does: those of a stage whatever becomes of each, the next stage when all have succeeded."""
    failed_stage = ""
    for name, step in steps(run).items():
        stage = name.partition(".")[0]
        if failed_stage not in ("", stage):
            return False
        try:
            step()
        except HeadlineError:
            failed_stage = stage
    return not failed_stage


@dataclass
class Airflow:
    """Airflow's part: it looks every quarter of an hour, and runs what is triggered."""

    world: World
    now: datetime = MORNING
    ended: list[str] = field(default_factory=list)

    def obstacle(self, dag_id: str) -> str:
        return ""

    def state(self, dag_id: str, run_id: str) -> Literal["ended", "absent"]:
        return "ended" if run_id in self.ended else "absent"

    def look(self) -> dict[str, bool]:
        """One look; gives the runs that it led to, and whether each succeeded."""
        outcomes = {}
        for one in repair(specs.load(), Ledger(), Repairs(), self, self.now):
            first, last = (datetime.fromisoformat(one.conf[side]).date() for side in ("from", "to"))
            run = replace(self.world.run(one.dag_id, first, last), run_id=one.run_id, landings=one.conf.get("landings"))
            outcomes[one.run_id] = completes(run)
            self.ended.append(one.run_id)
        self.now += TICK
        return outcomes

    def look_for(self, time: timedelta) -> dict[str, bool]:
        """All looks in this time, the runs in their order."""
        return {run_id: ended for _ in range(time // TICK) for run_id, ended in self.look().items()}


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Interval]]:
    """What is read of the sources from now on: connection and path, query or pattern, and the days."""
    found: list[tuple[str, Interval]] = []
    read = sources.read

    def noting(ingest: Any, folder: Path, interval: Interval) -> Any:
        what = next(getattr(ingest, name) for name in ("extract", "path", "pattern") if hasattr(ingest, name))
        found.append((what, interval))
        return read(ingest, folder, interval)

    monkeypatch.setattr(sources, "read", noting)
    return found


OF_D4 = Interval(D4, D5)
# What is taken away, and what alone must be read when it comes: its day, and late rows of those before, as every run reads them.
RATES = [("rates_{{ ds }}.csv", Interval(day, day + DAY)) for day in Interval(D1, D5)]
EVENTS = [("events/arrived=%Y-%m-%d/%H%M-*.jsonl.gz", Interval(D2, D5))]
AWAY = {
    "rates": ("finance", "exchange_rates", f"rates_{D4}.csv", RATES),
    "events": ("app", "events", f"events/arrived={D4}", EVENTS),
}


@pytest.mark.parametrize("away", AWAY)
def test_a_missing_file_alone_is_read_again_when_it_comes_and_everything_follows(
    away: str,
    three_days: World,
    expected: dict[str, Table],
    enter: Callable[[World], World],
    reads: list[tuple[str, Interval]],
) -> None:
    source, landing, name, slices = AWAY[away]
    world = enter(three_days)
    file = world.folder / "datashare" / name
    late = file.rename(world.folder / "on-its-way")
    ended = {pipeline: completes(world.run(pipeline)) for pipeline in SOURCES}
    assert ended == {pipeline: pipeline != source for pipeline in SOURCES}
    loads, before = world.loads(), world.published()

    airflow = Airflow(world)
    reads.clear()
    first_look = airflow.look()
    assert first_look.pop(f"repair__{landing}__{D4}__1") is False
    assert all(first_look.values()), "what does not depend on the file goes on"
    assert reads == slices
    assert world.loads() == loads
    assert world.published()[f"raw.{landing}"] == before[f"raw.{landing}"]

    late.rename(file)
    reads.clear()
    runs = airflow.look_for(timedelta(hours=3))
    assert reads == slices
    assert all(runs.values())
    assert runs.keys() >= {f"repair__{landing}__{D4}__2", f"repair__core_{source}__{D4}__1"}
    assert not differences(world.published(), expected)
    attempts = [one for one in Repairs().all() if one.landing == f"landing.{landing}"]
    [load] = Ledger().current_loads(f"landing.{landing}", [OF_D4])
    nothing = {"files": 0, "rows": 0, "checksum": None}
    arrived = {"files": 1, "rows": load.row_count, "checksum": load.checksum}
    assert [(one.outcome, one.before, one.after) for one in attempts] == [
        ("failed", nothing, nothing),
        ("repaired", nothing, arrived),
    ]
    assert {one.outcome for one in Repairs().newest().values()} == {"repaired"}


def test_a_file_that_never_comes_is_escalated_and_holds_only_what_needs_it(
    three_days: World,
    expected: dict[str, Table],
    enter: Callable[[World], World],
    reads: list[tuple[str, Interval]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = enter(three_days)
    whole = world.rates_file.read_bytes()
    world.rates_file.unlink()
    for pipeline in SOURCES:
        completes(world.run(pipeline))
    reads.clear()
    airflow = Airflow(world)
    runs = airflow.look_for(timedelta(hours=12))
    assert reads == RATES * len(DISTANCES)
    assert [run_id for run_id, ended in runs.items() if not ended] == [f"repair__exchange_rates__{D4}__{n}" for n in (1, 2, 3)]
    assert [one.outcome for one in Repairs().all() if one.source == "finance"] == ["failed", "failed", "escalated"]
    [message] = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert f"landing.exchange_rates lacks {D4}, due since {D5} 02:00 UTC" in message
    needing = ["raw.exchange_rates", "raw.expenses", "core.expenses", "core.order_lines", "profit.unit_profit"]
    assert all(row.end <= D4 for row in Ledger().publications(needing))
    assert world.published()["core.user_days"] == expected["core.user_days"], "users have nothing to do with rates"

    world.rates_file.write_bytes(whole)
    assert completes(world.run("finance", run_id="by hand"))
    airflow.look_for(timedelta(hours=2))
    assert Repairs().newest()["landing.exchange_rates", D4].outcome == "repaired"
    assert not differences(world.published(), expected)


def test_what_came_late_on_the_missing_day_for_older_days_is_not_lost(
    three_days: World, undisturbed: World, enter: Callable[[World], World], tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The ordinary run of the next day looks two days back: events of the second day that came on the fourth are not its own."""
    world = enter(three_days)
    file = world.folder / "datashare" / AWAY["events"][2]
    late = file.rename(world.folder / "on-its-way")
    assert not completes(world.run("app"))
    late.rename(file)
    Airflow(world).look()
    world.days_pass(D5, D5)
    assert completes(world.run("app", D5))
    repaired = world.published()["raw.events"]
    with undisturbed.copy(tmp_path_factory.mktemp("next-day")).entered() as other:
        other.days_pass(D5, D5)
        assert completes(other.run("app", D5))
        assert other.published()["raw.events"] == repaired


def test_a_day_on_which_nothing_ran_is_brought_in_full(
    three_days: World, expected: dict[str, Table], enter: Callable[[World], World], reads: list[tuple[str, Interval]]
) -> None:
    world = enter(three_days)
    runs = Airflow(world).look_for(timedelta(hours=2))
    assert all(runs.values())
    landings = {landing for source in SOURCES for landing in specs.load().pipelines[source].ingest}  # type: ignore[attr-defined]
    assert len([what for what, interval in reads if interval.end == D5]) == len(landings)
    assert {what for run_id in runs for what in run_id.split("__")[1].split("+")} == landings | set(PIPELINES) - set(SOURCES)
    assert not differences(world.published(), expected)


def test_a_source_that_answers_with_nothing_is_asked_again(
    three_days: World, expected: dict[str, Table], enter: Callable[[World], World], reads: list[tuple[str, Interval]]
) -> None:
    world = enter(three_days)
    of_d4 = f"ordered_at >= '{D4}' and ordered_at < '{D5}'"
    world.in_shop(f"create table hidden as select * from orders where {of_d4}")
    world.in_shop(f"delete from orders where {of_d4}")
    ended = {pipeline: completes(world.run(pipeline)) for pipeline in SOURCES}
    assert ended == {"shop": False, "finance": True, "app": True}
    airflow = Airflow(world)
    reads.clear()
    assert airflow.look()[f"repair__order_items+orders__{D4}__1"] is False
    assert sorted(reads) == [("order_items.extract.sql", Interval(D1, D5)), ("orders.extract.sql", Interval(D1, D5))]

    world.in_shop("insert into orders select * from hidden")
    reads.clear()
    assert all(airflow.look_for(timedelta(hours=3)).values())
    assert sorted(reads) == [("order_items.extract.sql", Interval(D1, D5)), ("orders.extract.sql", Interval(D1, D5))]
    assert not differences(world.published(), expected)
    record = [(one.landing, one.attempt, one.outcome, one.before["rows"]) for one in Repairs().all() if one.source == "shop"]
    assert sorted(record) == [
        (landing, attempt, outcome, 0)
        for landing in ("landing.order_items", "landing.orders")
        for attempt, outcome in ((1, "failed"), (2, "repaired"))
    ]


def test_a_run_for_one_landing_does_not_publish_a_day_that_lacks_another(
    three_days: World, enter: Callable[[World], World]
) -> None:
    world = enter(three_days)
    before = world.published()
    run = replace(world.run("finance"), landings=["exchange_rates"])
    assert not completes(run)
    assert not differences(world.published(), before)
    with pytest.raises(HeadlineError, match=rf"landing.expenses has not arrived for 1 day\(s\) from {D4} on"):
        steps(run)["ingest.expenses"]()
    other = replace(world.run("finance", run_id="other"), landings=["expenses"])
    assert completes(other), "now both are there"
