"""How a period of a table that a pipeline makes stands by itself, and which of its inputs it waits for."""

from __future__ import annotations

from dataclasses import replace

from headline.intervals import DAY, Interval
from headline.ledger import stale_states
from headline.specs import Table
from headline.why.absent import held_back, unpublished
from headline.why.known import Known
from headline.why.period import Period
from headline.why.published import published
from headline.why.standing import Standing


def standing_of(name: str, days: Interval, known: Known) -> Standing:
    """How one whole period of a table stands."""
    pipeline = known.catalog.makers[name]
    table = pipeline.outputs[name]
    states = known.ledger.states([table.full_name], days)
    state = states[-1] if states else None
    period = Period(known, pipeline, table, days, state)
    found = [*held_back(period), *(published(period, state) if state else unpublished(period))]
    also = [one.state for one in found[1:] if one.state not in (found[0].state, "complete")]
    return replace(found[0], told=f"{found[0].told} Also {' and '.join(also)}.") if also else found[0]


def troubled(table: Table, days: Interval, known: Known) -> Interval | None:
    """The first period of a table within some days that is stale or held back by an audit; None where none is."""
    pipeline = known.catalog.makers[table.full_name]
    for held in known.held_back(pipeline, days):
        for one in held.intervals:
            if one.overlaps(days):
                return Interval(max(one.start, days.start), max(one.start, days.start) + DAY).widen(table.period)
    for reading in known.held_readings:
        if reading.landing in table.reads and reading.ds in days:
            return Interval(reading.ds, reading.ds + DAY).widen(table.period)
    stale = stale_states(table, pipeline.reads_by_table(table), known.ledger, days)
    return stale[0].interval if stale else None
