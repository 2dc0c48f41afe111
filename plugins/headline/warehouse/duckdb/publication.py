"""How published tables come to be, and to hold other rows."""

from __future__ import annotations

from collections.abc import Callable

from headline.errors import SpecError
from headline.intervals import merge
from headline.sql import within, write
from headline.warehouse.base import Output, Replacement
from headline.warehouse.duckdb.columns import normal
from headline.warehouse.duckdb.statements import Statements


def replace_rows(statements: Statements, replacement: Replacement, staged: Callable[[str], str]) -> None:
    """Let the staged rows take the place of the published ones; `staged`: what those of an output are called."""
    table = replacement.table
    condition = ""
    if replacement.intervals is not None:
        days = merge(replacement.intervals)  # each stretch is compared with every row
        condition = f" where {write(within(str(table.period_column), days), 'duckdb')}"
    for output in table.outputs:
        columns = ", ".join(Output(output, table).columns)
        statements.execute(f"delete from {output}{condition}")
        statements.execute(f"insert into {output} ({columns}) select {columns} from {staged(output)}{condition}")


def ensure_table(statements: Statements, output: Output, known: dict[str, str] | None) -> None:
    """Make a published table with the columns of its contract, or add those that are new; `known`: the columns that it has."""
    if known is None:
        statements.execute(f"create schema if not exists {output.name.split('.')[0]}")
        statements.execute(f"create table if not exists {output.name} ({output.ddl})")
        return
    wanted = normal(output.columns)
    changed = [name for name, kind in known.items() if name in wanted and kind != wanted[name]]
    gone = [name for name in known if name not in wanted]
    if changed or gone:
        raise SpecError(
            [
                f"{output.name}: the contract retypes {changed or 'no column'} and drops {gone or 'no column'} of it. "
                "Rebuild the warehouse with the contract: headline rebuild --with-differences"
            ]
        )
    for name, kind in output.columns.items():
        if name not in known:
            statements.execute(f"alter table {output.name} add column {name} {kind}")
