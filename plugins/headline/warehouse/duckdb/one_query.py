"""A SELECT that a person wrote: it reaches the tables and nothing else, and ends in time."""

from __future__ import annotations

import re
from threading import Timer
from typing import Any

import duckdb

from headline import settings
from headline.errors import BadRequest, NoSpace, Transient
from headline.warehouse.base import Result
from headline.warehouse.duckdb.statements import Statements

# What it may put on disk, how many characters it may give, and how many rows are taken at once.
MOST_ON_DISK, LONGEST_ANSWER, ROWS_AT_ONCE = "10GB", 200_000_000, 2_000
_SIZE = re.compile(r"([\d.]+) ?(?:bytes|([KMGT])(i?)B)")


def query_alone(statements: Statements, connection: duckdb.DuckDBPyConnection, sql: str, seconds: float) -> Result:
    """Its rows; from now on the connection reaches nothing else. Raises BadRequest where it takes or gives too much."""
    statements.execute(f"set max_temp_directory_size = '{MOST_ON_DISK}'")
    memory = settings.load().query_memory
    [[allowed]] = statements.execute("select current_setting('memory_limit')").fetchall()
    if _bytes(memory) < _bytes(allowed):
        statements.execute(f"set memory_limit = '{memory}'")
    # No file, no extension, no other database; and nobody can take that back.
    statements.execute("set enable_external_access = false")
    statements.execute("set lock_configuration = true")
    clock = Timer(seconds, connection.interrupt)
    clock.start()
    try:
        return _few_rows(statements, sql)
    except (Transient, duckdb.Error) as error:  # the clock stops the statement, or the fetching of its rows
        if isinstance(error.__cause__ or error, duckdb.InterruptException):
            told = f"the query was stopped after {seconds:g} s (HEADLINE_QUERY_SECONDS); query fewer days"
            raise BadRequest(told) from error
        if isinstance(error.__cause__ or error, duckdb.OutOfMemoryException) and not isinstance(error, NoSpace):
            told = (
                f"the query needs more memory than it may take (HEADLINE_QUERY_MEMORY is {memory}); query fewer days or columns"
            )
            raise BadRequest(told) from error
        if isinstance(error, Transient):
            raise
        raise BadRequest(f"DuckDB rejected the query: {error}") from error
    finally:
        clock.cancel()


def _bytes(size: str) -> float:
    """A size as DuckDB writes it: 1.8 GiB, 512MB."""
    number, prefix, binary = _SIZE.fullmatch(size).groups()  # type: ignore[union-attr]
    return float(number) * (1024 if binary else 1000) ** "_KMGT".index(prefix or "_")


def _few_rows(statements: Statements, sql: str) -> Result:
    """Its rows; raises BadRequest where the rows are more than a process is to hold."""
    cursor, most = statements.execute(sql), settings.load().query_rows
    rows: list[tuple[Any, ...]] = []
    size = 0
    while part := cursor.fetchmany(ROWS_AT_ONCE):
        rows += part
        size += sum(len(value) for row in part for value in row if isinstance(value, str | bytes))
        if len(rows) > most or size > LONGEST_ANSWER:
            raise BadRequest(
                f"the query gives more than {most:,} rows (HEADLINE_QUERY_ROWS) or {LONGEST_ANSWER:,} characters: "
                "add a limit or aggregate"
            )
    return Result([column[0] for column in cursor.description or []], rows)
