"""A DuckDB instance, and what every warehouse has from the start."""

from __future__ import annotations

import atexit
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import duckdb

from headline.warehouse.duckdb.statements import Statements

WAREHOUSE, STAGING = "warehouse", "staging"

# What a session may set for its instance.
_SET = ("memory_limit", "temp_directory", "max_temp_directory_size", "preserve_insertion_order")
_RESET = "; ".join(f"reset {name}" for name in _SET)
# What an instance has attached besides, while nobody has it.
_OWN = "idle"
_ATTACHED = f"select database_name from duckdb_databases() where not internal and database_name <> '{_OWN}'"
# Instances of this process that nobody has now: to make one takes 17 ms of CPU, longer than what many a session asks of it.
_IDLE: list[duckdb.DuckDBPyConnection] = []
_MOST_IDLE = 2


@contextmanager
def instance(config: Mapping[str, Any]) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection to a DuckDB instance in memory that nobody else has meanwhile and that knows nothing of earlier ones.

    `config`: memory_limit, threads, temp_directory. Moments are in UTC.
    """
    kept, is_as_new = _taken(), False
    try:
        kept.execute("attach ':memory:' as memory")
        with kept.cursor() as connection:
            settings = {"TimeZone": "UTC", "enable_progress_bar": "false", **config}  # standard output is for rows
            # Threads are taken back here only, since that starts and ends some.
            cores = [] if "threads" in config else ["reset threads"]
            connection.execute(
                "; ".join(["use memory", *cores, *(f"set {name} = '{value}'" for name, value in settings.items())])
            )
            yield connection
        is_as_new = len(_IDLE) < _MOST_IDLE and _takes_back(kept)
    finally:
        _IDLE.append(kept) if is_as_new else kept.close()


def ensure_calendar(statements: Statements) -> None:
    """`calendar.days`: a row a day for a century, since portable SQL has no generate_series."""
    statements.execute("create schema if not exists calendar")
    statements.execute(
        "create table if not exists calendar.days as select cast(day as date) as ds "
        "from generate_series(date '2000-01-01', date '2099-12-31', interval 1 day) as days(day)"
    )


def _taken() -> duckdb.DuckDBPyConnection:
    with suppress(IndexError):
        return _IDLE.pop()
    return _made()


def _made() -> duckdb.DuckDBPyConnection:
    """An instance; no optimizer is on that is known to give wrong rows."""
    # DuckDB 2.0.0 took `sale_count > 0` for false where the count was 2, in experiment_profit, because of its statistics.
    made = duckdb.connect(":memory:", config={"disabled_optimizers": "statistics_propagation"})
    made.execute(f"load icu; attach ':memory:' as {_OWN}; use {_OWN}; detach memory")
    return made


def _takes_back(kept: duckdb.DuckDBPyConnection) -> bool:
    """Whether all is gone that a session has attached and set."""
    try:
        for (name,) in kept.execute(_ATTACHED).fetchall():
            kept.execute(f"detach {name}")
        kept.execute(_RESET)
    except duckdb.Error:  # such as where the session has locked its configuration, or written temporary files
        return False
    return True


def _forget_idle() -> None:
    while _IDLE:
        _IDLE.pop().close()


# A forked process has none of an instance's threads, and one that ends waits for them.
os.register_at_fork(before=_forget_idle)
atexit.register(_forget_idle)
