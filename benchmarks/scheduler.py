"""Days, backfills and waiting runs in the real scheduler."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from statistics import mean, median

from benchmarks import idle
from benchmarks.deployment import DAGS, DAYS, REPEATS, Deployment, wall
from benchmarks.report import Report
from headline.intervals import DAY, Interval
from headline.local.screen import Screen
from headline.operators.backfill import DAG_ID as BACKFILL

WEEK, MONTH = 7, 30
URGENT = "unit_profit"  # tier 1


def measure_scheduler(running: Deployment, whole: Interval, days: Sequence[Interval], report: Report, screen: Screen) -> None:
    with screen.step(f"{DAYS} days in one range through the scheduler"):
        ranged = _wall(running, whole)
    with screen.step(f"{len(days)} new days through the scheduler, the same graph of empty tasks before and after each"):
        empty, at_once, new = [wall(running.nothing_apart(0))], [wall(running.nothing(0))], []
        for number, day in enumerate(days, 1):
            new.append(_wall(running, day))
            empty.append(wall(running.nothing_apart(number)))
            at_once.append(wall(running.nothing(number)))
    # Airflow's own time varies with what else the machine does: a day is compared with what was measured right beside it.
    ratio = median(day / mean(beside) for day, *beside in zip(new, empty, empty[1:], strict=False))
    report.section()
    report.add(f"{DAYS} days in one range, scheduler, ingest included", f"{ranged:.1f} s")
    report.add(
        "one new day, scheduler, ingest included",
        f"{median(new):.1f} s",
        f"empty tasks {median(empty):.1f} s",
        ratio,
        "15 s and 2.5",
    )
    report.add("  the empty tasks in one DAG, where nothing waits in the triggerer", f"{median(at_once):.1f} s")


def measure_idle(running: Deployment, report: Report, screen: Screen) -> None:
    with screen.step(f"{idle.SECONDS:.0f} s without anything to do"):
        share, printed = idle.cost(running)
        report.add("nothing to do, all processes", f"{100 * share:.0f} % of a core", budget="15 %")
        report.add("nothing to do, what is logged", f"{printed / 1000:.1f} kB a minute", budget="2 kB")
    with screen.step(f"{idle.TRIES} runs triggered in quiet"):
        report.add("a triggered run starts after", f"{idle.seconds_to_start(running):.2f} s", budget="1 s")


def measure_backfill(running: Deployment, whole: Interval, report: Report, screen: Screen) -> None:
    """Published days again, by Airflow's own backfill and as one range: neither finds anything to change."""
    for count in (WEEK, MONTH):
        days = Interval(whole.end - timedelta(days=count), whole.end)
        with screen.step(f"{count} days by Airflow's own backfill, and as one range"):
            begun = datetime.now(UTC)
            with running.backfill(DAGS, days.start, days.end - DAY):
                pass
            seconds = (running.end_of(DAGS, "backfill") - begun).total_seconds()
            begun = datetime.now(UTC)
            with running.ranged(DAGS, days.start, days.end - DAY):
                pass
            ranged = (running.end_of(DAGS, "manual") - begun).total_seconds()
            begun = datetime.now(UTC)
            running.planned(days.start, days.end - DAY)
            planned = (running.end_of([BACKFILL], "manual") - begun).total_seconds()
        report.add(
            f"{count} days of all DAGs by backfill, {count * len(DAGS)} runs",
            f"{seconds:.0f} s",
            f"one range {ranged:.0f} s",
            seconds / ranged,
            "3" if count == WEEK else "240 s",
        )
        beside = f"a run a day {seconds:.0f} s"
        report.add("  by the DAG backfill, planned and in chunks", f"{planned:.0f} s", beside, seconds / planned)
    measure_urgent(running, whole, report, screen)


def measure_urgent(running: Deployment, whole: Interval, report: Report, screen: Screen) -> None:
    """A run that somebody waits for, alone and beside what computes a month of all DAGs."""
    month, day = Interval(whole.end - timedelta(days=MONTH), whole.end), whole.end
    with screen.step(f"{URGENT}, alone and beside a backfill and a ranged run"):
        alone = median(_until_the_end(running, day, f"alone__{number}") for number in range(REPEATS))
        with running.backfill(DAGS, month.start, month.end - DAY):
            backfill = median(_until_the_end(running, day, f"beside_a_backfill__{number}") for number in range(REPEATS))
        with running.ranged(DAGS, month.start - DAY, month.end - DAY):
            ranged = _until_the_end(running, day, "ranged")
    for beside, seconds in ((f"a backfill of {MONTH} days", backfill), (f"a range of {MONTH} days", ranged)):
        report.add(f"{URGENT} by hand beside {beside}", f"{seconds:.1f} s", f"alone {alone:.1f} s", seconds / alone, "2")


def _until_the_end(running: Deployment, day: date, run_id: str) -> float:
    """Seconds from the request of an urgent run to its end."""
    asked = datetime.now(UTC)
    instances = running.once(URGENT, day, run_id)
    return (max(datetime.fromisoformat(one["end_date"]) for one in instances) - asked).total_seconds()


def _wall(running: Deployment, interval: Interval) -> float:
    """Seconds from the first task's start to the last one's end."""
    found = running.run(DAGS, interval.start, interval.end - DAY)
    return wall([instance for instances in found.values() for instance in instances])
