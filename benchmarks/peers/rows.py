"""Whether all tools have come to the same rows: a fingerprint of every table, computed by one engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb


@dataclass(frozen=True)
class Difference:
    """A table whose rows differ between two tools: how many rows each has, and how many of them the other lacks."""

    table: str
    one: str
    other: str
    rows: tuple[int, int]
    lacking: tuple[int, int]

    def __str__(self) -> str:
        return (
            f"{self.table}: {self.rows[0]} rows in {self.one}, {self.lacking[0]} of them not in {self.other}; "
            f"{self.rows[1]} rows in {self.other}, {self.lacking[1]} of them not in {self.one}"
        )


def differences(exports: Mapping[str, Path], tables: Mapping[str, Mapping[str, str]]) -> list[Difference]:
    """What differs from the first tool's tables, by table; values are compared in the types of our contracts."""
    [(one, reference), *others] = exports.items()
    found = []
    with duckdb.connect() as connection:
        for table, columns in tables.items():
            ours = fingerprint(connection, reference / f"{table}.parquet", columns)
            for other, folder in others:
                theirs = fingerprint(connection, folder / f"{table}.parquet", columns)
                if ours != theirs:
                    files = (reference / f"{table}.parquet", folder / f"{table}.parquet")
                    lacking = (_lacking(connection, files, columns), _lacking(connection, files[::-1], columns))
                    found.append(Difference(table, one, other, (ours[0], theirs[0]), lacking))
    return found


def fingerprint(connection: duckdb.DuckDBPyConnection, file: Path, columns: Mapping[str, str]) -> tuple[int, int]:
    """Row count and order-free hash over all columns of a Parquet file."""
    query = f"select count(*), coalesce(sum(hash({', '.join(columns)})), 0) from ({_typed(file, columns)})"
    row = connection.execute(query).fetchone()
    return (int(row[0]), int(row[1])) if row else (0, 0)


def _lacking(connection: duckdb.DuckDBPyConnection, files: Sequence[Path], columns: Mapping[str, str]) -> int:
    one, other = (_typed(file, columns) for file in files)
    row = connection.execute(f"select count(*) from ({one} except all {other})").fetchone()
    return int(row[0]) if row else 0


def _typed(file: Path, columns: Mapping[str, str]) -> str:
    listed = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in columns.items())
    return f"select {listed} from read_parquet('{file}')"
