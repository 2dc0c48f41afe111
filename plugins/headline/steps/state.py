"""How much of each day a candidate holds, as its own rows say: what the ledger records of a publication."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby

from headline.intervals import DAY, Interval
from headline.specs import Table, load_contract
from headline.warehouse import Session, candidate_name


@dataclass(frozen=True)
class State:
    """Of a day: the share of what arrived that was valid, and whether that is too little to call the day complete."""

    coverage: Decimal = Decimal(1)
    is_partial: bool = False

    @property
    def status(self) -> str:
        return "partial" if self.is_partial else "complete"


COMPLETE = State()
States = Mapping[date, State]


def states_of(table: Table, run_key: str, session: Session) -> States:
    """The state of each day of the run's candidate; a day that is not mentioned, as of a table that says nothing, is complete."""
    column = table.period_column
    if column is None or not load_contract(table).tells_coverage:
        return {}
    rows = session.query(
        f"select {column}, coalesce(min(coverage), 1), max(case when is_partial then 1 else 0 end) "
        f"from {candidate_name(table.full_name, run_key)} group by {column}"
    ).rows
    return {
        day: State(coverage, bool(is_partial))
        for first, coverage, is_partial in rows
        for day in Interval(first, first + DAY).widen(table.period)
    }


def stretches(interval: Interval, states: States) -> Iterator[tuple[Interval, State]]:
    """The interval in as few pieces as there are changes between complete and partial days, each with its least coverage."""
    for is_partial, group in groupby(interval, key=lambda day: states.get(day, COMPLETE).is_partial):
        days = list(group)
        coverage = min(states.get(day, COMPLETE).coverage for day in days)
        yield Interval(days[0], days[-1] + DAY), State(coverage, is_partial)
