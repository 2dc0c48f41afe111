"""What attacks are made on: the throw-away repository of the unit tests, with three days published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from tests.unit.conftest import Project
from tests.unit.once import Once

from headline.connections import lent
from headline.ledger import ERASER, MIGRATOR, migrate
from headline.ledger.engine import engine
from headline.local.postgres import Postgres

D1, D2, D3, D4 = (date(2026, 3, day) for day in range(1, 5))


@pytest.fixture
def shop(project: Project, once: Once) -> Project:
    """Three days of a shop's orders are published; the fourth has landed."""
    return once(project, three_days_and_one)


def three_days_and_one(project: Project) -> None:
    project.arrive({D1: [("a", "1.00")], D2: [("b", "10.00"), ("x", "-1.00")], D3: [("c", "100.00")]})
    for name in ("shop", "core_shop"):
        project.publish(name, D1, D3)
    project.arrive({D4: [("d", "1000.00")]})


@pytest.fixture
def owner(postgres: str, server_folder: Path) -> Iterator[str]:
    """The connection of who owns the ledger's tables; whatever a test does to them, others find them there."""
    databases = Postgres(server_folder / "postgres").secrets.databases(postgres)
    with lent({MIGRATOR: databases["LEDGER_MIGRATOR"]}):
        yield MIGRATOR
        engine(MIGRATOR).dispose()
        migrate(MIGRATOR)


@pytest.fixture
def eraser(postgres: str, server_folder: Path) -> Iterator[str]:
    """The connection of who erases persons."""
    with lent({ERASER: Postgres(server_folder / "postgres").secrets.databases(postgres)["LEDGER_ERASER"]}):
        yield ERASER
        engine(ERASER).dispose()


@contextmanager
def superuser(postgres: str) -> Iterator[Any]:
    """A cursor in the ledger's database that may do everything; no trigger keeps history from it."""
    with closing(psycopg2.connect(host=postgres, user="postgres", dbname="ledger")) as server:
        server.autocommit = True
        with server.cursor() as cursor:
            cursor.execute("set session_replication_role = replica")
            yield cursor


def contents(project: Project) -> dict[str, list[tuple[Any, ...]]]:
    """Every published row, by table."""
    return project.contents()
