"""What engines are given and should make of it, a stand-in for Athena, and a throw-away repository whose warehouse that is."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from tests.attacks.installation import eraser as eraser
from tests.engines.athena_double import REGION, AthenaDouble, athena_double, client
from tests.engines.duck_tables import DuckTables
from tests.engines.worlds import clocked, compute, landed, published
from tests.faults.world import Table, World
from tests.unit.conftest import FILES, Project

from headline.ledger import Ledger
from headline.warehouse import open_warehouse
from headline.warehouse.athena import engine

EXTRA = {"region_name": REGION, "work_group": "primary", "location": "s3://tables/warehouse", "lock_timeout": 20}
CONNECTION = {"conn_type": "athena", "login": "testing", "password": "testing", "extra": EXTRA}


TOLD = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[TOLD] = []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash[TOLD]:
        terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def told(request: pytest.FixtureRequest) -> list[str]:
    """Lines that are shown when all tests have ended."""
    return request.config.stash[TOLD]


@pytest.fixture(scope="session")
def at_first(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The days have landed, and nothing was computed."""
    with landed(postgres, tmp_path_factory.mktemp("landed"), "landed_for_engines") as world:
        yield world


@pytest.fixture(scope="session")
def expected(at_first: World, tmp_path_factory: pytest.TempPathFactory, told: list[str]) -> dict[str, Table]:
    """What DuckDB makes of these days."""
    with at_first.copy(tmp_path_factory.mktemp("on_duckdb")).entered() as world:
        with clocked("DuckDB", told):
            compute(world)
        return published()


@pytest.fixture
def athena(monkeypatch: pytest.MonkeyPatch) -> Iterator[AthenaDouble]:
    """Athena behind the connection headline_warehouse, without tables; local landed files are in a bucket too."""
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_WAREHOUSE", json.dumps(CONNECTION))
    monkeypatch.setattr(engine, "landed_rows", in_bucket(engine.landed_rows))
    with athena_double(DuckTables) as double:
        yield double


def in_bucket(landed_rows: Callable[..., Any]) -> Callable[..., Any]:
    """Copies landed files to a bucket before a table lists them."""

    def rows(glue: Any, location: str, files: Mapping[str, Mapping[str, str]]) -> Any:
        copied = {}
        for file, columns in files.items():
            key = f"landing/{file.split('/landing/')[1]}"
            client("s3").upload_file(file.removeprefix("file://"), "tables", key)
            copied[f"s3://tables/{key}"] = columns
        return landed_rows(glue, location, copied)

    return rows


@pytest.fixture
def project(
    tmp_path: Path, ledger: Ledger, athena: AthenaDouble, forget_settings: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> Project:
    """A shop's orders and what core makes of them, on Athena."""
    monkeypatch.setenv("HEADLINE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HEADLINE_INCLUDE", str(tmp_path / "include"))
    made = Project(tmp_path / "include" / "sql", ledger, open_warehouse(), forget_settings)
    for path, text in FILES.items():
        made.write(path, text)
    return made
