"""What the periods of a table hold: counts, and a fingerprint that is equal for equal rows."""

from __future__ import annotations

from datetime import date, datetime

from sqlglot import exp, parse_one

from headline.specs import Table, load_contract
from headline.sql import DIALECT
from headline.warehouse.base import Content, Output
from headline.warehouse.iceberg.engine import Engine


def published_contents(engine: Engine, table: Table) -> list[Content]:
    """What each period of a published table holds, its quarantine included."""
    columns = ", ".join(Output(table.full_name, table).columns)
    rows = f"select {columns} from {table.full_name}"
    if table.quarantine:
        rows = f"select {columns}, cast(null as varchar) as quarantine_reason from {table.full_name}"
        rows += f" union all select {columns}, quarantine_reason from {table.quarantine_name}"
    return contents_of(engine, f"({rows})", table, told=table.quarantine)


def contents_of(engine: Engine, rows: str, table: Table, *, told: bool) -> list[Content]:
    """What each period holds of rows that have the columns of the table and, where it is `told`, `quarantine_reason`."""
    found = engine.query(engine.write(contents_query(engine, rows, table, told=told))).rows
    return [
        Content(_date(start), count, f"{count}:{engine.dialect}:{digest}", *others)
        for start, count, digest, *others in found
        if count
    ]


def contents_query(engine: Engine, rows: str, table: Table, *, told: bool) -> exp.Expr:
    """A row for each period: its first day, rows, sum of hashes, refused rows, coverage, whether it is partial, lacks days."""
    contract = load_contract(table)
    valid = "quarantine_reason is null" if told else "true"
    values = {column.name: column.sql_type for column in contract.columns}
    coverage = [f"coalesce(min(case when {valid} then coverage end), 1)", _any(f"{valid} and is_partial")]
    tells_days = table.period in ("week", "month") and "is_provisional" in contract.column_names
    query = parse_one(
        f"select {table.period_column or 'cast(null as date)'} as period_start, count(*) as row_count, "
        "coalesce(sum(cast(row_hash as decimal(20, 0))), 0) as digest, "
        f"{'count(quarantine_reason)' if told else '0'} as refused_count, "
        f"{', '.join(coverage) if contract.tells_coverage else '1, false'}, "
        f"{_any(f'{valid} and is_provisional') if tells_days else 'false'} from {rows} as contents"
        + (f" group by {table.period_column}" if table.period_column else ""),
        read=DIALECT,
    )
    text = row_text(values | ({"quarantine_reason": "varchar"} if told else {}))
    for column in [one for one in query.find_all(exp.Column) if one.name == "row_hash"]:
        column.replace(engine.row_hash(text))
    return query


def row_text(columns: dict[str, str]) -> exp.Expr:
    """All values of a row, of the types that are published, as one text: other for other values, and for NULL than for any."""
    pieces = []
    for name, kind in columns.items():
        value = f"cast(cast({name} as {kind}) as varchar)"
        pieces.append(f"case when {name} is null then '-' else concat(cast(length({value}) as varchar), ':', {value}) end")
    return parse_one(f"concat({', '.join(pieces)})" if len(pieces) > 1 else pieces[0], read=DIALECT)


def _any(condition: str) -> str:
    return f"coalesce(max(case when {condition} then 1 else 0 end), 0) = 1"


def _date(value: object) -> date | None:
    return value.date() if isinstance(value, datetime) else value  # type: ignore[return-value]
