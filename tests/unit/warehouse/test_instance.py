"""An instance is used again, and whoever has it next finds it as a new one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from headline.warehouse.duckdb import instance as module
from headline.warehouse.duckdb.instance import instance

SETTINGS = ("memory_limit", "threads", "temp_directory", "preserve_insertion_order", "TimeZone")


@pytest.fixture(autouse=True)
def none_idle() -> Iterator[None]:
    module._forget_idle()
    yield
    module._forget_idle()


def seen(connection: duckdb.DuckDBPyConnection) -> list[object]:
    """What a session can see of those before it."""
    settings = ", ".join(f"current_setting('{name}')" for name in SETTINGS)
    tables = "(select count(*) from information_schema.tables)"
    databases = "(select list(database_name order by database_name) from duckdb_databases() where not internal)"
    return list(connection.execute(f"select {settings}, {tables}, {databases}, getvariable('mask')").fetchone() or ())


def test_nothing_of_a_session_is_left_for_the_next(tmp_path: Path) -> None:
    with instance({}) as connection:
        as_new = seen(connection)
    with instance({"memory_limit": "100MB", "threads": 1, "temp_directory": str(tmp_path / "spill")}) as connection:
        connection.execute(
            f"attach '{tmp_path / 'file.duckdb'}' as warehouse; use warehouse; create table a as select 1 as x; "
            "create table memory.b as select 1 as x; create temp view c as select 1 as x; create macro memory.d(x) as x; "
            "set variable mask = 'secret'; set preserve_insertion_order = false; set TimeZone = 'Asia/Tokyo'"
        )
        assert seen(connection) != as_new
    assert len(module._IDLE) == 1
    with instance({}) as connection:
        assert seen(connection) == as_new
        with pytest.raises(duckdb.CatalogException):
            connection.execute("select d(1)")
    with duckdb.connect(tmp_path / "file.duckdb") as other:  # nobody holds the file, and all is in it
        assert other.execute("select * from a").fetchall() == [(1,)]


def test_an_instance_whose_configuration_is_locked_is_closed() -> None:
    with instance({}) as connection:
        connection.execute("set enable_external_access = false; set lock_configuration = true")
    assert module._IDLE == []


def test_an_instance_of_a_session_that_failed_is_closed() -> None:
    with pytest.raises(ZeroDivisionError), instance({}):
        raise ZeroDivisionError
    assert module._IDLE == []


def test_an_instance_that_wrote_temporary_files_is_closed_with_them(tmp_path: Path) -> None:
    spill = tmp_path / "spill"
    with instance({"memory_limit": "20MB", "threads": 1, "temp_directory": str(spill)}) as connection:
        connection.execute("create table large as select range as x, hash(range) as y from range(2_000_000)")
        assert list(spill.iterdir())
    assert module._IDLE == []
    assert not spill.exists()


def test_sessions_side_by_side_have_instances_of_their_own_and_few_are_kept() -> None:
    with instance({}) as one, instance({}) as two, instance({}) as three:
        one.execute("create table a as select 1 as x")
        assert [seen(connection)[len(SETTINGS)] for connection in (one, two, three)] == [1, 0, 0]
    assert len(module._IDLE) == module._MOST_IDLE


def test_a_forked_process_begins_with_none() -> None:
    with instance({}):
        pass
    child = os.fork()
    if not child:
        os._exit(len(module._IDLE))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
