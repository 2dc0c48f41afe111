"""Which days of which tables a figure follows from, through all tables in between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from headline.intervals import Interval
from headline.ledger import FigureRow, IssuedFigures, Ledger
from headline.specs import Catalog, Pipeline, Window, widest
from headline.specs.metrics import Metric, read_metrics
from headline.specs.window import Days

# By how many days a week or month may begin before, and end after, a day of it.
_AROUND = {"week": 6, "month": 30}


def reach_of(catalog: Catalog, table_name: str) -> dict[str, Window]:
    """Every table that a table is computed from, directly or through others, with the window of days that it follows from."""
    return _reach(catalog.makers, table_name, {})


def could_move(ledger: Ledger, days: Mapping[str, Sequence[Interval]], catalog: Catalog) -> list[FigureRow]:
    """The issued figures, as they are now, that follow from these days of these tables (`schema.table`), by metric and period.

    These are the figures that may change, by the windows of `reads` only. Raises Transient.
    """
    found: list[FigureRow] = []
    known: dict[str, dict[str, Window]] = {}
    for row, metric in _with_definition(IssuedFigures(ledger.conn_id).most_recent(), catalog):
        name = metric.of.full_name
        reads = known.setdefault(name, {name: Window(), **reach_of(catalog, name)})
        reached = ((reads[one].reach(row.interval), spans) for one, spans in days.items() if one in reads)
        if any(reach.overlaps(span) for reach, spans in reached for span in spans):
            found.append(row)
    return found


def _with_definition(rows: Iterable[FigureRow], catalog: Catalog) -> Iterator[tuple[FigureRow, Metric]]:
    """The rows whose metric a metrics.yml defines, also under a later name; the gate stops what has no definition."""
    defined: dict[str, Metric] = {}
    for pipeline in catalog.pipelines.values():
        found, faults = read_metrics(pipeline)
        for name, metric in found.issued.metrics.items() if not faults else ():
            defined |= dict.fromkeys((name, *metric.renamed_from), metric)
    return ((row, defined[row.metric]) for row in rows if row.metric in defined)


def _reach(makers: Mapping[str, Pipeline], table_name: str, known: dict[str, dict[str, Window]]) -> dict[str, Window]:
    if table_name not in known:
        pipeline = makers[table_name]
        found: dict[str, Window] = {}
        for name, window in pipeline.reads_by_table(pipeline.outputs[table_name]).items():
            if name not in makers or name.startswith("landing."):
                continue
            table = makers[name].outputs[name]
            # A week or month that meets the window is read with all of its days.
            around = _AROUND.get(table.period, 0)
            whole = Window(lookback_days=_sum(window.lookback_days, around), lookahead_days=_sum(window.lookahead_days, around))
            found[table.full_name] = widest(found.get(table.full_name, Window()), whole)
            for other, further in _reach(makers, table.full_name, known).items():
                behind = Window(
                    lookback_days=_sum(whole.lookback_days, further.lookback_days),
                    lookahead_days=_sum(whole.lookahead_days, further.lookahead_days),
                )
                found[other] = widest(found.get(other, Window()), behind)
        known[table_name] = found
    return known[table_name]


def _sum(one: Days, other: Days) -> Days:
    return "all" if one == "all" or other == "all" else one + other
