"""Hashes in the place of personal data: of the same type, equal for equal values, and nothing without the key."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from headline import specs
from headline.intervals import DAY, Interval
from headline.specs import Table
from headline.warehouse.duckdb.instance import instance
from headline.warehouse.duckdb.masked import OTHER, masked_rows

VALUES = {
    "varchar": "'mia@example.com'",
    "bigint": "491701234567",
    "integer": "4711",
    "double": "1.5",
    "decimal(18, 4)": "12.5",
    "decimal(6, 4)": "12.5",
    "date": "date '1987-05-04'",
    "timestamp": "timestamp '1987-05-04 03:02:01'",
}
DAYS = [Interval(date(2026, 3, 1), date(2026, 3, 1) + DAY)]


@pytest.fixture
def people(tmp_path: Path, forget_settings: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> Table:
    """A table with a personal column of each type, one of a type that nothing can be hashed to, and one that is new."""
    monkeypatch.setenv("HEADLINE_INCLUDE", str(tmp_path / "include"))
    folder = tmp_path / "include/sql/sources/people"
    folder.mkdir(parents=True)
    folder.joinpath("source.yml").write_text(
        "description: The people whom we know.\ntier: 2\nlands_at: '02:00'\ntables: {people: {quarantine: false}}\n"
        "ingest: {people: {kind: files, connection: headline_x, pattern: '{{ ds }}.csv', format: csv}}\n"
    )
    folder.joinpath("people.sql").write_text("select 1")
    columns = [f"  p{place}: {{type: '{kind}', personal: true, description: Personal.}}" for place, kind in enumerate(VALUES)]
    folder.joinpath("people.contract.yml").write_text(
        "\n".join(
            [
                "description: One row per person and day.\ncolumns:",
                "  ds: {type: date, description: Business day.}",
                *columns,
                "  is_known: {type: boolean, personal: true, description: Personal.}",
                "  added: {type: bigint, description: Not published yet.}",
            ]
        )
    )
    forget_settings()
    return specs.load().tables["raw.people"]


@pytest.fixture
def masked(people: Table) -> Iterator[Callable[[str], tuple[list[Any], list[list[Any]]]]]:
    """The rows as they are masked with a key, and the types of their columns."""
    with instance({}) as connection:
        connection.execute(f"attach ':memory:' as {OTHER}; create schema {OTHER}.raw")
        columns = [f"p{place} {kind}" for place, kind in enumerate(VALUES)]
        connection.execute(f"create table {OTHER}.raw.people (ds date, {', '.join(columns)}, is_known boolean)")
        for day in ("2026-03-01", "2026-03-01", "2026-03-02"):
            connection.execute(f"insert into {OTHER}.raw.people values (date '{day}', {', '.join(VALUES.values())}, true)")
        connection.execute(f"insert into {OTHER}.raw.people (ds) values (date '2026-03-01')")

        def read(key: str) -> tuple[list[Any], list[list[Any]]]:
            connection.execute(f"set variable mask = '{key}'")
            found = connection.execute(masked_rows(connection, people, DAYS))
            kinds = [str(kind) for _, kind, *_ in found.description or []]
            return kinds, [list(row) for row in found.fetchall()]

        yield read


def test_equal_values_have_equal_hashes_of_their_type(masked: Callable[[str], tuple[list[Any], list[list[Any]]]]) -> None:
    kinds, [first, second, nulls] = masked("one key")
    written = [kind.upper().replace(" ", "").replace(",", ", ") for kind in VALUES]
    told = ["DATE", *written, "BOOLEAN", "BIGINT"]
    assert [kind.replace(" ", "").replace(",", ", ") for kind in kinds] == told
    assert first == second
    assert None not in first[1:-2]
    assert first[-2:] == [None, None]  # no hash of a truth; a column that is not published yet
    assert nulls == [date(2026, 3, 1), *[None] * 10]
    assert "mia" not in str(first)
    assert "4711" not in str(first[3])
    assert len(first[1]) == 32


def test_another_key_gives_other_hashes(masked: Callable[[str], tuple[list[Any], list[list[Any]]]]) -> None:
    one, other = masked("one key")[1][0], masked("another key")[1][0]
    assert masked("one key")[1][0] == one
    assert [place for place in range(1, 9) if one[place] == other[place]] == []
