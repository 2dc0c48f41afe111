"""The values of metrics over the rows of a table, published or staged, and the rows of the ledger that they become."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

from headline import settings
from headline.errors import BadRequest
from headline.figures.reach import reach_of
from headline.intervals import Interval, merge
from headline.ledger import FigureRow
from headline.ledger.figure_row import FigureKey
from headline.ledger.input_periods import Asked, InputPeriods
from headline.specs import Catalog, Pipeline, Table, load_contract
from headline.specs.metrics import Metric
from headline.sql.compile import parse, write
from headline.warehouse import Session

DRAFT = "draft"


@dataclass(frozen=True)
class Period:
    """A period of a table whose figures are looked at: its coverage, what computed it from what, and the run that did."""

    interval: Interval
    coverage: Decimal
    code_version: str
    as_of: int
    run_id: str


def metric_values(
    session: Session,
    table: Table,
    source: str,
    metrics: Iterable[Metric],
    days: Sequence[Interval],
    dialect: str,
    *,
    by: Iterable[str] | None = None,
    most: int | None = None,
) -> dict[FigureKey, Decimal | None]:
    """The value of each metric of a table for each period within these days, and for each segment.

    `source`: the table in SQL. `by`: the columns of the segments, an empty one for the metric itself; all that a metric has if
    left out. `most`: so many rows by a column at most. A period or segment without rows has none. Raises SpecError for a faulty
    expression, BadRequest for more rows.
    """
    found: dict[FigureKey, Decimal | None] = {}
    by_segment: dict[str, list[Metric]] = defaultdict(list)
    for metric in metrics:
        for segment in ("", *metric.segments) if by is None else by:
            by_segment[segment].append(metric)
    for segment, mine in by_segment.items():
        rows = session.query(_select(table, source, segment, mine, days, dialect, most)).rows
        if most is not None and len(rows) > most:
            raise BadRequest(
                f"{table.full_name}: these days have more than {most:,} values by {segment or 'period'}; ask for fewer"
            )
        for start, told, *values in rows:
            for metric, value in zip(mine, values, strict=True):
                found[metric.name, f"{segment}={told}" if segment else "", start] = None if value is None else Decimal(str(value))
    return found


def metric_sql(metric: Metric, days: Interval, by: str, dialect: str) -> str:
    """The SELECT that computes a metric for some days, or its segments by a column, as an engine runs it."""
    return _select(metric.of, metric.of.full_name, by, [metric], [days], dialect)


def figure_rows(
    pipeline: Pipeline,
    catalog: Catalog,
    values: Mapping[FigureKey, Decimal | None],
    metrics: Mapping[str, Metric],
    periods: Mapping[tuple[str, date], Period],
    conn_id: str,
) -> list[FigureRow]:
    """The values as drafts; `periods`: by table and first day, those that they belong to."""
    inputs = _inputs(pipeline, catalog, periods, conn_id)
    rows = []
    for (name, segment, start), value in sorted(values.items(), key=lambda one: (one[0][2], one[0])):
        metric = metrics[name]
        place = metric.of.full_name, start
        period = periods[place]
        rows.append(
            FigureRow(
                pipeline=pipeline.id,
                metric=name,
                definition_version=metric.version,
                segment=segment,
                start=start,
                end=period.interval.end,
                value=value,
                coverage=period.coverage,
                status=DRAFT,
                reason="",
                run_id=period.run_id,
                commit=commit(),
                code_version=period.code_version,
                contract_version=contract_version(metric.of),
                inputs=inputs.get(place, ""),
                as_of=period.as_of,
                materiality=metric.materiality,
            )
        )
    return rows


def contract_version(table: Table) -> str:
    """The hash of all that a table's contract says."""
    content = json.dumps(load_contract(table).content, default=str, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:12]


@cache
def commit() -> str:
    """The commit of the code that runs: HEADLINE_COMMIT, else what the project's own git says; empty where neither is there."""
    if told := settings.load().commit:
        return told
    folder = settings.PROJECT / ".git"
    if folder.is_file():  # of a worktree
        folder = Path(folder.read_text().removeprefix("gitdir:").strip())
    try:
        head = (folder / "HEAD").read_text().strip()
        if not head.startswith("ref: "):
            return head
        shared = folder / "commondir"
        common = folder / shared.read_text().strip() if shared.exists() else folder
        return _of_ref(head.removeprefix("ref: "), folder, common)
    except OSError:
        return ""


def _of_ref(ref: str, *folders: Path) -> str:
    for folder in folders:
        if (file := folder / ref).is_file():
            return file.read_text().strip()
    packed = (folders[-1] / "packed-refs").read_text().splitlines()
    return next((line.split()[0] for line in packed if line.endswith(f" {ref}")), "")


def _select(
    table: Table,
    source: str,
    segment: str,
    metrics: Sequence[Metric],
    days: Sequence[Interval],
    dialect: str,
    most: int | None = None,
) -> str:
    column = table.period_column
    values = ", ".join(f"{metric.sql} as {metric.name}" for metric in metrics)
    within = " or ".join(f"({column} >= date '{one.start}' and {column} < date '{one.end}')" for one in merge(days))
    told = f"coalesce(cast({segment} as varchar), '')" if segment else "''"
    group = f"{column}, {told}" if segment else column  # what is unknown and what is empty are one segment
    sql = f"select {column} as start, {told} as segment, {values} from {source} where {within} group by {group}"
    if most is not None:
        sql += f" limit {most + 1}"
    return sql if dialect == "duckdb" else write(parse(sql, f"{table.full_name}: metrics"), dialect)


def _inputs(
    pipeline: Pipeline, catalog: Catalog, periods: Mapping[tuple[str, date], Period], conn_id: str
) -> dict[tuple[str, date], str]:
    """The hash of the input periods of each period."""
    places = list(periods)
    found = InputPeriods(conn_id).hashes(_asked(pipeline, catalog, places, periods))
    return {place: found.get(number, "") for number, place in enumerate(places)}


def _asked(
    pipeline: Pipeline, catalog: Catalog, places: Sequence[tuple[str, date]], periods: Mapping[tuple[str, date], Period]
) -> Iterator[Asked]:
    """Of what is read without bound only the period's own days: all of history would be read for each of them."""
    reaches = {name: reach_of(catalog, name) for name in {name for name, _ in places}}
    for number, place in enumerate(places):
        for name, window in reaches[place[0]].items():
            if name in pipeline.inputs:
                interval = periods[place].interval
                bounded = "all" not in (window.lookback_days, window.lookahead_days)
                yield Asked(number, name, window.reach(interval) if bounded else interval)
