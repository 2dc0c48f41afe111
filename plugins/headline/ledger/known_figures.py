"""What the ledger knows of the figures of some metrics: what a run compares its own with."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, text

from headline.intervals import Period
from headline.ledger.figure_row import ALL, FigureKey, FigureRow

# Rows of a former name of a metric are its own: `renamed` says by which name it goes now.
_LISTED = ALL.replace('"metric"', "coalesce(cast(:renamed as jsonb) ->> metric, metric) as metric")
_KNOWN = text(f"""
    with mine as materialized (
        select {_LISTED} from issued_figures
        where metric = any(cast(:metrics as text[])) and start = any(cast(:starts as date[]))
    )
    select * from (
        select distinct on (metric, segment, start) 'newest' as what, {ALL} from mine where status <> 'approved'
        order by metric, segment, start, id desc
    ) as newest
    union all
    select * from (
        select distinct on (metric, segment, start) 'issued' as what, {ALL} from mine where status = 'issued'
        order by metric, segment, start, id desc
    ) as issued
    union all
    select * from (
        select distinct on (metric, segment, start) 'agreed' as what, {ALL} from mine
        where status = 'issued' and request_id is not null
        order by metric, segment, start, id desc
    ) as agreed
""")
_ISSUED_SINCE = text("""
    select exists (
        select from issued_figures
        where metric = any(cast(:metrics as text[])) and start = any(cast(:starts as date[])) and id > :newest
            and status = 'issued'
    )
""")
# From one metric to the next along the index, however many figures each has.
_METRICS = text("""
    with recursive found as (
        (
            select pipeline, metric, start, "end" from issued_figures
            where status = 'issued' order by pipeline, metric limit 1
        )
        union all
        select further.*
        from found
        cross join lateral (
            select pipeline, metric, start, "end" from issued_figures
            where status = 'issued' and (pipeline, metric) > (found.pipeline, found.metric)
            order by pipeline, metric limit 1
        ) as further
    )
    select pipeline, metric, "end" - start as day_count from found
""")


@dataclass(frozen=True)
class Known:
    """What is recorded of figures, by key: the newest draft or issued row, the newest issued one, and the newest approved one."""

    newest: Mapping[FigureKey, FigureRow]
    issued: Mapping[FigureKey, FigureRow]
    agreed: Mapping[FigureKey, FigureRow]


@dataclass(frozen=True)
class IssuedMetric:
    """A metric of which a pipeline has issued figures."""

    pipeline: str
    name: str
    grain: Period


def known(connection: Connection, metrics: Mapping[str, Iterable[str]], starts: Iterable[date]) -> Known:
    """As IssuedFigures.known, within a transaction."""
    renamed = {former: name for name, formers in metrics.items() for former in formers}
    asked = {"metrics": [*metrics, *renamed], "renamed": json.dumps(renamed), "starts": sorted(set(starts))}
    found: dict[str, dict[FigureKey, FigureRow]] = {"newest": {}, "issued": {}, "agreed": {}}
    for what, *row in connection.execute(_KNOWN, asked):
        figure = FigureRow(*row)
        found[what][figure.key] = figure
    return Known(**found)


def issued_metrics(connection: Connection) -> list[IssuedMetric]:
    """As IssuedFigures.metrics, within a transaction."""
    grains: dict[int, Period] = {1: "day", 7: "week"}
    return [IssuedMetric(row.pipeline, row.metric, grains.get(row.day_count, "month")) for row in connection.execute(_METRICS)]


def issued_since(connection: Connection, metrics: Mapping[str, Iterable[str]], starts: Iterable[date], newest: int) -> bool:
    """Whether a figure of these metrics whose period begins on one of these days was issued after the row `newest`."""
    names = [*metrics, *(former for formers in metrics.values() for former in formers)]
    return bool(connection.scalar(_ISSUED_SINCE, {"metrics": names, "starts": sorted(set(starts)), "newest": newest}))
