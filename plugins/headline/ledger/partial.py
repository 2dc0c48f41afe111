"""Which published days hold less than arrived for them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from headline.ledger.period import PeriodState
from headline.specs import Pipeline, load_contract


def partial_days(pipeline: Pipeline, states: Iterable[PeriodState]) -> dict[str, list[date]]:
    """By table of the pipeline the days, in order, that readers see in part; a table without any is left out.

    A table whose rows do not say how much of their day is there is as partial as those of its pipeline that do. A week or month
    is told by all of its days.
    """
    tables = {table.full_name: table for table in pipeline.tables.values()}
    told: dict[str, set[date]] = {name: set() for name, table in tables.items() if load_contract(table).tells_coverage}
    for state in states:
        if state.table in told and state.is_partial:
            told[state.table] |= set(state.interval)
    of_any = set().union(*told.values())
    found = {name: told.get(name, of_any if table.period_column else set()) for name, table in tables.items()}
    return {name: sorted(days) for name, days in found.items() if days}
