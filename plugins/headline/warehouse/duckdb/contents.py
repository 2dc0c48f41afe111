"""What the periods of a table hold: counts, and a fingerprint that is equal for equal rows."""

from __future__ import annotations

from headline.specs import Table, load_contract
from headline.warehouse.base import Content, Output
from headline.warehouse.duckdb.statements import Statements


def published_contents(statements: Statements, table: Table) -> list[Content]:
    """What each period of a published table holds, its quarantine included."""
    columns = Output(table.full_name, table).columns
    rows = f"select {', '.join(columns)}, cast(null as varchar) as quarantine_reason from {table.full_name}"
    if table.quarantine:
        rows += f" union all select {', '.join(columns)}, quarantine_reason from {table.quarantine_name}"
    return contents_of(statements, f"({rows})", table, told=table.quarantine)


def contents_of(statements: Statements, rows: str, table: Table, *, told: bool) -> list[Content]:
    """What each period holds of rows that have the columns of the table and, where it is `told`, `quarantine_reason`."""
    contract = load_contract(table)
    # Where no row is refused a condition that always holds would be asked of each of them.
    valid = " filter (where quarantine_reason is null)" if told else ""
    # Types as they are published: equal values of different types have different hashes.
    values = [f"cast({column.name} as {column.sql_type})" for column in contract.columns]
    values.append("quarantine_reason" if told else "cast(null as varchar)")
    shares = [f"coalesce(min(coverage){valid}, 1)", f"coalesce(bool_or(is_partial){valid}, false)"]
    tells_days = table.period in ("week", "month") and "is_provisional" in contract.column_names
    lacks_days = f"coalesce(bool_or(is_provisional){valid}, false)" if tells_days else "false"
    found = statements.execute(
        f"select {table.period_column or 'null'}, count(*), coalesce(sum(cast(hash({', '.join(values)}) as hugeint)), 0), "
        f"{'count(quarantine_reason)' if told else '0'}, {', '.join(shares) if contract.tells_coverage else '1, false'}, "
        f"{lacks_days} from {rows} as contents group by 1"
    ).fetchall()
    return [Content(start, rows, f"{rows}:{digest}", *others) for start, rows, digest, *others in found]
