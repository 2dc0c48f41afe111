"""What is missing is brought by runs of its own, a few times, and then escalated.

A missing day of a source is ingested again, and nothing else with it. A missing day of a pipeline is computed again: nobody else
would do so, since other runs compute what they are asked for and what is published and stale, not what was never there.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any, Literal, Protocol

from headline.gaps.completeness import Found, Missing, Stock, take_stock
from headline.intervals import DAY, Interval, from_days
from headline.ledger import Attempt, Ledger, Repairs
from headline.specs import Catalog, Source

log = logging.getLogger(__name__)

# An ordinary run tries four times within minutes. So the attempts after it wait ever longer, the first after the landing time,
# each other after the one before: for a hiccup, for an outage, for a colleague who has to come to work first.
DISTANCES = (timedelta(minutes=15), timedelta(hours=1), timedelta(hours=4))
MOST_ATTEMPTS = len(DISTANCES)
# As many as a DAG runs at once: more would only queue, and the ordinary runs behind them.
MOST_RUNS = 4
# An attempt is recorded before its run is triggered. If whoever was to trigger it has died, the next look does; until then.
VANISHED = timedelta(hours=1)


class Runs(Protocol):
    """What Airflow knows of its DAGs and their runs."""

    def obstacle(self, dag_id: str) -> str:
        """Why no run of this DAG should be started now, such as «it is paused»; empty where nothing is in the way."""
        ...

    def state(self, dag_id: str, run_id: str) -> Literal["at work", "ended", "absent"]:
        """How far a run is."""
        ...


@dataclass(frozen=True)
class Slice:
    """What one run of a DAG is to bring, and under which id; `note` says why."""

    dag_id: str
    run_id: str
    conf: dict[str, Any]
    note: str


def repair(catalog: Catalog, ledger: Ledger, repairs: Repairs, runs: Runs, now: datetime) -> list[Slice]:
    """Find what is missing and record who is to bring it; gives the runs to trigger.

    Again is safe, and so is a death on the way: an attempt whose run was never triggered is given again, under the same id.
    """
    stocks = take_stock(catalog, ledger, now)
    settle(stocks, repairs, runs, now)
    missing = [one for stock in stocks for one in stock.missing(now)]
    repairs.begin(list(plan(missing, repairs.newest(), runs, now)))
    started = [attempt for attempt in repairs.newest().values() if attempt.outcome == "started"]
    absent = [one for one in slices(started, catalog) if runs.state(one.dag_id, one.run_id) == "absent"]
    to_trigger = [one for one in absent if not runs.obstacle(one.dag_id)]
    for one in to_trigger:
        log.info("%s: the run %s is to bring %s", one.dag_id, one.run_id, one.note)
    return to_trigger


def plan(missing: Iterable[Missing], newest: Mapping[tuple[str, date], Attempt], runs: Runs, now: datetime) -> Iterator[Attempt]:
    """The attempts that are due now, several of which may share a run; none for a DAG that must be left alone."""
    due: dict[str, list[tuple[Missing, int]]] = defaultdict(list)
    for one in missing:
        last = newest.get(one.key)
        number = last.attempt + 1 if last else 1
        before = last.finished_at if last else one.since
        if before and number <= MOST_ATTEMPTS and now >= before + DISTANCES[number - 1]:
            due[one.pipeline].append((one, number))
    for pipeline, ones in due.items():
        if obstacle := runs.obstacle(pipeline):
            log.warning("%s: %s day(s) from %s on are missing, but %s", pipeline, len(ones), ones[0][0].ds, obstacle)
            continue
        for shared in _sharing_a_run(ones)[:MOST_RUNS]:
            run_id = _run_id(shared)
            for one, number in shared:
                yield Attempt(pipeline, one.landing, one.ds, number, run_id, one.reason, one.before, started_at=now)


def _sharing_a_run(due: Iterable[tuple[Missing, int]]) -> list[list[tuple[Missing, int]]]:
    """What lacks on the same day comes by one run, because a source publishes all its tables or none.

    So do adjacent days, the first time. Later each day has a run of its own: one that stays away must not keep others away.
    """
    by_day: dict[date, list[tuple[Missing, int]]] = defaultdict(list)
    for one, number in due:
        by_day[one.ds].append((one, number))
    shared: list[list[tuple[Missing, int]]] = []
    for day, ones in sorted(by_day.items()):
        before = [(one.landing, number) for one, number in shared[-1] if one.ds == day - DAY] if shared else []
        if before == [(one.landing, number) for one, number in ones] and all(number == 1 for _, number in before):
            shared[-1] += ones
        else:
            shared.append(ones)
    return shared


def _run_id(shared: Sequence[tuple[Missing, int]]) -> str:
    """Such as `repair__orders__2026-11-19__2`; no two sets of attempts have the same, since each attempt counts on."""
    names = "+".join(sorted({one.landing.removeprefix("landing.") for one, _ in shared}))
    days = sorted({one.ds for one, _ in shared})
    last = f"..{days[-1]}" if len(days) > 1 else ""
    return f"repair__{names}__{days[0]}{last}__{max(number for _, number in shared)}"


def slices(attempts: Iterable[Attempt], catalog: Catalog) -> list[Slice]:
    """The runs of these attempts, as they are to be triggered: for exactly their days and, of a source, their landings."""
    by_run: dict[tuple[str, str], list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        by_run[attempt.source, attempt.run_id].append(attempt)
    found = []
    for (dag_id, run_id), ones in sorted(by_run.items()):
        pipeline = catalog.pipelines.get(dag_id)
        if pipeline is None:  # removed since, or faulty now
            continue
        days = sorted(one.ds for one in ones)
        conf: dict[str, Any] = {"from": str(days[0]), "to": str(days[-1])}
        if isinstance(pipeline, Source):  # none where all have landed: then it is computed again from what has
            conf["landings"] = sorted({one.landing.removeprefix("landing.") for one in ones if one.landing in pipeline.landed})
        what = ", ".join(sorted({one.landing for one in ones}))
        number = max(one.attempt for one in ones)
        note = f"{_said(Interval(days[0], days[-1] + DAY))} of {what}: {ones[0].reason}; attempt {number} of {MOST_ATTEMPTS}"
        found.append(Slice(dag_id, run_id, conf, note))
    return found


def settle(stocks: Sequence[Stock], repairs: Repairs, runs: Runs, now: datetime) -> None:
    """Record what came of the attempts so far: repaired, failed or, after the last one, escalated.

    A day that came in any other way closes its last attempt as repaired too. Each end is recorded, and said, once.
    """
    by_landing = {stock.landing: stock for stock in stocks}
    given_up: list[Attempt] = []
    for attempt in repairs.newest().values():
        stock = by_landing.get(attempt.landing)
        if stock is None:  # the repository or this deployment does without it by now
            continue
        found = stock.of(attempt.ds)
        outcome = _outcome(attempt, found, runs, now)
        after = found.content if attempt.outcome == "started" else {**found.content, "was": attempt.outcome}
        if outcome == attempt.outcome or not repairs.close(attempt, outcome, after, now):
            continue
        said = f"{attempt.landing} of {attempt.ds}, attempt {attempt.attempt} of {MOST_ATTEMPTS} by the run {attempt.run_id}"
        if outcome == "repaired":
            log.info("%s: repaired, there is now %s", said, after)
        else:
            log.warning("%s: failed, %s", said, found.fault)
            given_up += [attempt] if outcome == "escalated" else []
    for landing, attempts in groupby(sorted(given_up, key=lambda one: one.key), key=lambda one: one.landing):
        log.error(escalation(by_landing[landing], list(attempts)))


def _outcome(attempt: Attempt, found: Found, runs: Runs, now: datetime) -> str:
    is_last = attempt.attempt == MOST_ATTEMPTS
    if attempt.outcome == "started":
        state = runs.state(attempt.source, attempt.run_id)
        if state == "at work" or (state == "absent" and found.fault and now < attempt.started_at + VANISHED):
            return "started"
    if not found.fault:
        return "repaired"
    if attempt.outcome == "started" or (attempt.outcome == "repaired" and is_last):  # the latter: it came, and is gone again
        return "escalated" if is_last else "failed"
    return attempt.outcome


def escalation(stock: Stock, attempts: Sequence[Attempt]) -> str:
    """What a colleague reads when nothing has helped: what lacks, since when, what was done, what to do and whom to ask."""
    pipeline = stock.pipeline
    days = from_days(attempt.ds for attempt in attempts)
    form = f"From {days[0].start}, To {days[-1].end - DAY}"
    whom = "Ask the owners of the pipeline"
    if isinstance(pipeline, Source) and stock.landing in pipeline.landed:
        form += f", Landings {stock.landing.removeprefix('landing.')}"
        whom = "Ask whoever owns the source"
    lines = [
        f"{stock.landing} lacks {', '.join(map(_said, days))}, due since {pipeline.due_at(days[0].start):%Y-%m-%d %H:%M} UTC: "
        f"{stock.of(days[0].start).fault}.",
        f"{MOST_ATTEMPTS} attempts have failed; the log of the last one, run {attempts[0].run_id} of {pipeline.id}, says why. "
        "Nobody tries again by himself, and nothing that reads these days is published for them.",
        f"{whom}, see the runbook of {pipeline.id}: {pipeline.description}",
        f"Once that is fixed, trigger {pipeline.id} with {form}. What waits for it follows by itself.",
    ]
    return "\n".join(lines)


def _said(days: Interval) -> str:
    return str(days.start) if len(days) == 1 else f"{days.start} to {days.end - DAY}"
