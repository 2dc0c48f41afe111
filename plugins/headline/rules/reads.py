"""Rules over what SQL reads: all of it is stated, is there when it is read, and has the columns that are asked of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp, parse_one
from sqlglot.errors import OptimizeError
from sqlglot.optimizer.qualify import qualify

from headline.rules.written import Written, listed
from headline.sql import DIALECT, schema_of, tables_read, write

ALWAYS_THERE = "calendar.days"


def reads_are_stated(written: Written) -> Iterator[str]:
    """Airflow parses pipeline.yml, not SQL: what it does not state is not waited for, nor computed again."""
    read, stated = tables_read(written.query), set(written.table.reads)
    if read - stated:
        yield f"tables.{written.table.name}.reads: the SQL reads {listed(read - stated)} without stating it"
    if stated - read:
        yield f"tables.{written.table.name}.reads: states {listed(stated - read)} without reading it"


def checks_read_what_is_there(written: Written) -> Iterator[str]:
    """An audit follows its own transform alone: of its pipeline it may read only what its table is made of, and itself."""
    outputs = written.catalog.filled_by
    mine = {output: table for table in written.pipeline.tables.values() for output in table.outputs}
    before = set(written.table.outputs)
    for table in reversed(written.pipeline.ordered_tables):
        if before & set(table.outputs):
            before |= {output for read in table.reads if read in mine for output in mine[read].outputs}
    for name, query in written.checks.items():
        for read in sorted(tables_read(query)):
            if read not in outputs and read != ALWAYS_THERE:
                yield f"check «{name}» reads {read}, which nobody makes"
            elif read in mine and read not in before:
                yield f"check «{name}» reads {read}, which may not be computed yet when the check runs"


def names_are_known(written: Written) -> Iterator[str]:
    yield from unknown_names(written, "", written.query)


def names_in_checks_are_known(written: Written) -> Iterator[str]:
    for name, query in written.checks.items():
        yield from unknown_names(written, f"check «{name}»: ", query)


def unknown_names(written: Written, where: str, query: exp.Query) -> Iterator[str]:
    """What cannot be resolved, on DuckDB and, since Athena resolves names more strictly, on Athena's own text."""
    if (schema := schema_of(query, written.catalog.filled_by)) is None:
        return
    found: dict[str, str] = {}
    for dialect in ("duckdb", "athena"):
        try:
            qualify(
                query.copy() if dialect == DIALECT else parse_one(write(query.copy(), dialect), dialect=dialect),
                schema={**schema},
                dialect=dialect,
                expand_alias_refs=dialect == "duckdb",
                quote_identifiers=False,
            )
        except OptimizeError as error:
            # The place is one of the text that was rewritten: it would mislead.
            found.setdefault(re.sub(r"\. Line: \d+, Col: \d+.*", "", str(error), flags=re.DOTALL), dialect)
    yield from (f"{where}{dialect}: {fault}" for fault, dialect in found.items())
