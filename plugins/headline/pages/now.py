"""What the pages show of this moment: how the data stand and who is on duty."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from pathlib import Path

from headline import settings, specs
from headline.errors import HeadlineError
from headline.incidents.world import World
from headline.intervals import Interval, business_day, in_words
from headline.ledger import Ledger, made_by_earlier_code, partial_days, stale_states
from headline.ledger.evidence import Observations
from headline.oncall import next_on_call, on_call
from headline.redaction import redact
from headline.specs import Pipeline, Table

DAYS_SHOWN = 28


@dataclass(frozen=True)
class Duty:
    """Who is on call until when, and who comes next; or the problem for which nobody knows."""

    now: str = ""
    until: datetime | None = None
    next: str = ""
    problem: str = ""


def current_world(now: datetime) -> World:
    """How the data stand, as the freshness watch sees them."""
    known = settings.load()
    first = business_day(now, known.reporting_zone) - timedelta(days=DAYS_SHOWN)
    return World(
        catalog=specs.load_sound(),
        evidence=Observations().evidence(first),
        now=now,
        start_date=known.start_date,
        zone=known.reporting_zone,
        without=known.without,
    )


def days_behind(pipelines: Iterable[Pipeline]) -> dict[str, list[date]]:
    """By table, the published days that are behind their inputs, in order; a table without any is left out."""
    ledger = Ledger()
    known = ledger.newest_version(), ledger.last_computed_at()
    found: dict[str, list[date]] = {}
    for pipeline in pipelines:
        found |= _days_behind(pipeline.folder, known)
    return found


@lru_cache(maxsize=256)  # nothing falls behind without a new version, nor is up to date again without being computed
def _days_behind(folder: Path, known: object) -> dict[str, list[date]]:  # noqa: ARG001 (it is only a key)
    pipeline, ledger = specs.load_pipeline(folder), Ledger()
    behind = {
        table.full_name: stale_states(table, pipeline.reads_by_table(table), ledger)
        for table in pipeline.ordered_tables
        if table.full_name not in settings.load().without
    }
    return {name: [day for state in states for day in state.interval] for name, states in behind.items() if states}


def days_by_earlier_code(pipelines: Iterable[Pipeline]) -> dict[str, list[Interval]]:
    """By table, the published days that an earlier version of SQL, contract or macros made; a table without any is left out."""
    without = settings.load().without
    tables = [table for pipeline in pipelines for table in pipeline.ordered_tables if table.full_name not in without]
    return made_by_earlier_code(tables, Ledger())


def partial_notes(pipeline: Pipeline, tables: Iterable[Table]) -> list[str]:
    """A line for each set of days that readers of these tables of the pipeline see in part; none where all is complete."""
    today = business_day(datetime.now(UTC), settings.load().reporting_zone)
    try:
        states = Ledger().states([table.full_name for table in pipeline.tables.values()])
        # A week or month that has not ended is open; its days tell for themselves which are partial.
        found = partial_days(pipeline, [state for state in states if state.interval.end <= today])
    except HeadlineError as error:
        return [f"Which days are partial is not known now: {redact(str(error))}"]
    together: dict[tuple[date, ...], list[str]] = {}
    for name in sorted(found.keys() & {table.full_name for table in tables}):
        together.setdefault(tuple(found[name]), []).append(name)
    return [
        f"{len(days)} {'day is' if len(days) == 1 else 'days are'} partial: {in_words(days)} ({', '.join(names)})"
        for days, names in sorted(together.items())
    ]


def current_duty(now: datetime) -> Duty:
    """Who is on call. A fault in team.yml does not keep anybody from seeing how the data stand."""
    try:
        team = specs.load_team()
        shift, following = on_call(team, now), next_on_call(team, now)
    except HeadlineError as error:
        return Duty(problem=str(error))
    # Several shifts of the same person follow one another: what counts is when somebody else takes over.
    return Duty(shift.engineer.name, following.start, following.engineer.name)
