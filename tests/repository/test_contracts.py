"""Contracts stay short: what follows from names, and what tables share, is written once."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.repository.written import ROOT, tables

from headline.rules.written import Written

SQL = ROOT / "include" / "sql"
# Contracts with all that they draw on, and the contract of one mart with up to 15 checks of its own.
MOST_LINES, MOST_LINES_OF_ONE = 1_700, 70


def lines(file: Path) -> int:
    return len(file.read_text().splitlines())


def shared() -> list[Path]:
    return [SQL / "conventions.yml", *sorted((SQL / "templates").glob("*.yml"))]


def test_contracts_and_what_they_share_are_short() -> None:
    contracts = sorted(SQL.glob("*/*/*.contract.yml"))
    assert len(contracts) > 40
    assert sum(map(lines, [*contracts, *shared()])) <= MOST_LINES


@pytest.mark.parametrize("written", tables(), ids=str)
def test_a_contract_is_short(written: Written) -> None:
    assert lines(written.table.contract_file) <= MOST_LINES_OF_ONE


@pytest.mark.parametrize("name", sorted(file.name for file in (SQL / "checks").glob("*.sql")))
def test_a_shared_check_is_used_by_several_tables(name: str) -> None:
    using = [one.table.full_name for one in tables() for file in one.contract.sql_files.values() if file.name == name]
    assert len(using) > 1
