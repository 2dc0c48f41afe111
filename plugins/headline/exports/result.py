"""The result of an export: fresh inputs, the columns that were promised, and rows in batches."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from headline import settings
from headline.errors import BadData, BadRequest, SpecError, Transient
from headline.exports.entitled import tables_of
from headline.figures.values import commit
from headline.intervals import DAY, Interval, in_few_words
from headline.ledger import Ledger, behind, lacking_in_words, missing_inputs
from headline.specs import Catalog, Window
from headline.specs.exports import Export
from headline.sql import Resolution, checked, parse, render, resolve, tables_read, write
from headline.warehouse import Session, Warehouse
from headline.warehouse.arrow import schema_of

if TYPE_CHECKING:
    import pyarrow as pa

ROWS_AT_ONCE = 50_000
_SHOWN = 5


@dataclass(frozen=True)
class Work:
    """One run of one export. `replay`: rows that the receiver has refused are sent once more."""

    export: Export
    run_id: str
    catalog: Catalog
    ledger: Ledger
    warehouse: Warehouse
    replay: bool = False


@dataclass(frozen=True)
class Inputs:
    """What a result rests on: the newest version of its inputs, when they were read, and which of their days are partial."""

    version: int
    as_of: datetime
    partial: Sequence[date]


def periods_of(export: Export, days: Interval, today: date) -> list[Interval]:
    """The periods of an export that a run for some days delivers: those that have ended, or else the last one before them."""
    newest = Interval(days.end - DAY, days.end)
    if export.period == "all":
        return [newest]
    found, start = [], days.start
    while start < days.end:
        period = Interval(start, start + DAY).widen(export.period)
        found += [period] if period.end <= today else []
        start = period.end
    before = Interval(days.start, days.start + DAY).widen(export.period).start - DAY
    return found or [Interval(before, before + DAY).widen(export.period)]


def windows_of(export: Export) -> dict[str, Window]:
    """What must be published for an export, each with its window."""
    always_there = {"calendar.days", *settings.load().without}
    landings = (
        {f"landing.{name}": Window(lookback_days=export.features.days) for name in export.features.landings}
        if (export.features)
        else {}
    )
    return {name: window for name, window in {**export.reads, **landings}.items() if name not in always_there}


def fresh_inputs(work: Work, period: Interval) -> Inputs:
    """What the ledger knows of the inputs; raises Transient where days of them are missing, or stale within the restatement
    window."""
    reads, where = windows_of(work.export), f"{work.export.id} for {period.start}"
    if missing := missing_inputs(reads, period, work.ledger):
        raise Transient(f"{where}: inputs are not published: {lacking_in_words(missing)}. It goes on when they are")
    first = max(date.min, period.start - timedelta(days=settings.load().restatement_days))
    if stale := behind(work.catalog, work.ledger, Interval(first, period.end), names={*reads}):
        told = lacking_in_words({name: [day for one in periods for day in one.interval] for name, periods in stale.items()})
        raise Transient(f"{where}: inputs changed after these were computed: {told}. It goes on when they are computed again")
    states = [state for name, window in reads.items() for state in work.ledger.states([name], window.reach(period))]
    partial = sorted({day for state in states if state.is_partial for day in state.interval if day in period})
    return Inputs(max((state.version for state in states), default=0), datetime.now(UTC), partial)


def key_of(export: Export, period: Interval, version: int) -> str:
    """Equal for the same definition over the same inputs: what it names holds the same rows."""
    files = [file.read_text() for file in (export.sql_file, export.label_file) if file]
    said = [export.model_dump_json(exclude={"description", "schedule", "zone"}), *files, str(period), str(version)]
    return hashlib.sha256("\0".join(said).encode()).hexdigest()[:16]


def select_of(export: Export, period: Interval, dialect: str, names: Mapping[str, Resolution] | None = None) -> str:
    """Its SELECT as the engine runs it. `names`: what stands for names that are no published tables. Raises SpecError."""
    where = f"exports/{export.id}/{export.sql_file.name}"
    query = parse(render(export.sql_file.read_text(), period, where), where)
    try:
        checked(query, {*export.reads, *(names or {})}, dialect)
    except BadRequest as error:
        raise SpecError([f"{where}: {error}"]) from error
    if unsaid := tables_read(query) - {*export.reads, *(names or {})}:
        raise SpecError([f"{where}: reads {', '.join(sorted(unsaid))}, which export.yml does not name"])
    return write(resolve(query, names or {}), dialect)


def schema_promised(export: Export) -> pa.Schema:
    return schema_of({name: column.type for name, column in export.columns.items()})


def check_result(export: Export, sql: str, session: Session) -> int:
    """How many rows it has; raises BadData where there are too few, where a key stands twice, or a value is missing."""
    columns = [name for name, column in export.columns.items() if not column.nullable]
    counted = ", ".join(f"count(case when {name} is null then 1 end) as {name}" for name in columns)
    [(row_count, *missing)] = session.query(f"select count(*) as row_count, {counted} from (\n{sql}\n) as result").rows
    key = ", ".join(export.key)
    twice = session.query(f"select {key} from (\n{sql}\n) as result group by {key} having count(*) > 1 limit {_SHOWN + 1}").rows
    faults = [f"{count:,} rows without {name}" for name, count in zip(columns, missing, strict=True) if count]
    if twice:
        shown = ", ".join("/".join(map(str, row)) for row in twice[:_SHOWN])
        faults.append(f"keys that stand more than once, such as {shown}")
    if row_count < export.least_rows:
        faults.append(f"{row_count:,} rows, where {export.least_rows:,} are the least (least_rows)")
    if faults:
        raise BadData(f"the export {export.id} does not keep its contract; nothing was delivered: {'; '.join(faults)}")
    return int(row_count)


def batches_of(export: Export, sql: str, session: Session, expected: int) -> Iterator[pa.RecordBatch]:
    """Its rows in batches; raises Transient at the end where they are not as many as were checked."""
    count = 0
    for batch in session.batches(sql, schema_promised(export), ROWS_AT_ONCE):
        count += batch.num_rows
        yield batch
    if count != expected:
        raise Transient(
            f"the export {export.id}: {expected:,} rows were checked and {count:,} came: somebody published meanwhile"
        )


def about(work: Work, period: Interval, inputs: Inputs, key: str) -> dict[str, object]:
    """What every delivery says of itself."""
    export = work.export
    return {
        "export": export.id,
        "description": export.description,
        "start": str(period.start),
        "end": str(period.end),
        "as_of": inputs.as_of.isoformat(timespec="seconds"),
        "version": inputs.version,
        "key": key,
        "commit": commit(),
        "reads": tables_of(export),
        "partial_days": [str(day) for day in inputs.partial],
    }


def partial_note(inputs: Inputs) -> str:
    return f"partial: {in_few_words(inputs.partial)}" if inputs.partial else ""
