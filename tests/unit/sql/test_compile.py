"""Names in SQL become what they stand for; the rows are checked on DuckDB, not the text."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import duckdb
import pytest

from headline.errors import SpecError
from headline.intervals import Interval
from headline.sql import Overlay, parse, resolve, tables_read, within, write

JAN_2 = [Interval(date(2026, 1, 2), date(2026, 1, 3))]
LAID_OVER = Overlay("staging_run.core__a__k", ["ds", "x"], JAN_2, "ds")


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """core.a is published for three days; a staging table has another second day."""
    connection = duckdb.connect()
    connection.execute("create schema core")
    connection.execute("create schema staging_run")
    published = "(values (date '2026-01-01', 0), (date '2026-01-02', 1), (date '2026-01-03', 2))"
    staging_table = "(values (date '2026-01-02', 10), (date '2026-01-02', 20))"
    connection.execute(f"create table core.a as select * from {published} as v(ds, x)")
    connection.execute("create table core.b as select date '2026-01-02' as ds, 7 as y")
    connection.execute(f"create table staging_run.core__a__k as select * from {staging_table} as v(ds, x)")
    yield connection
    connection.close()


def rows(connection: duckdb.DuckDBPyConnection, sql: str, **names: Any) -> list[tuple[Any, ...]]:
    query = resolve(parse(sql, "test.sql"), {name.replace("__", "."): resolution for name, resolution in names.items()})
    return connection.execute(write(query, "duckdb")).fetchall()


def test_a_candidate_is_laid_over_what_is_published(connection: duckdb.DuckDBPyConnection) -> None:
    assert rows(connection, "select x from core.a order by x") == [(0,), (1,), (2,)]
    assert rows(connection, "select x from core.a order by x", core__a=LAID_OVER) == [(0,), (2,), (10,), (20,)]


def test_a_table_that_is_rebuilt_whole_is_its_candidate(connection: duckdb.DuckDBPyConnection) -> None:
    whole = Overlay("staging_run.core__a__k", ["ds", "x"], JAN_2, None)
    assert rows(connection, "select x from core.a order by x", core__a=whole) == [(10,), (20,)]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("select a.x from core.a order by 1", [0, 2, 10, 20]),
        ("select t.x from core.a as t order by 1", [0, 2, 10, 20]),
        ("select t.q from core.a as t(p, q) order by 1", [0, 2, 10, 20]),
        ("with big as (select x from core.a where x > 1) select x from big order by 1", [2, 10, 20]),
        ("with core__a as (select 99 as x) select x from core.a union all select x from core__a order by 1", [0, 2, 10, 20, 99]),
        (
            "with w as (with core__a as (select 9 as x) select x from core__a) select a.x + w.x from core.a, w order by 1",
            [9, 11, 19, 29],
        ),
        ("select x from (select x from core.a) as inside where x > 5 order by 1", [10, 20]),
        ("select b.y from core.b where exists (select 1 from core.a as i where i.ds = b.ds and i.x = 20)", [7]),
        ("select max(x) + (select min(x) from core.a) from core.a", [20]),
        ("select x from core.a union all select -x from core.a where x > 10 order by 1", [-20, 0, 2, 10, 20]),
        ("select a.x + b.y from (core.a inner join core.b on a.ds = b.ds) order by 1", [17, 27]),
        ("select count(*) from core.a as one inner join core.a as other on one.x < other.x", [6]),
    ],
)
def test_names_are_resolved_wherever_they_stand(connection: duckdb.DuckDBPyConnection, sql: str, expected: list[int]) -> None:
    assert [row[0] for row in rows(connection, sql, core__a=LAID_OVER)] == expected


def test_a_name_can_stand_for_another_table_or_an_expression(connection: duckdb.DuckDBPyConnection) -> None:
    assert rows(connection, "select a.y from core.a", core__a="core.b") == [(7,)]
    expression = parse("select 5 as x", "test").subquery()
    assert rows(connection, "select a.x from core.a inner join core.b on b.y > a.x", core__a=expression) == [(5,)]


def test_the_given_query_is_left_as_it_was() -> None:
    query = parse("with w as (select x from core.a) select x from w", "test")
    before = write(query, "duckdb")
    resolve(query, {"core.a": LAID_OVER})
    assert write(query, "duckdb") == before


def test_tables_read_are_those_with_a_schema_wherever_they_stand() -> None:
    sql = """
        with w as (select * from core.a), v as (select * from w)
        select * from v where x in (select y from core.b) and exists (select 1 from raw.c) union all select * from core.d
    """
    assert tables_read(parse(sql, "test")) == {"core.a", "core.b", "raw.c", "core.d"}


@pytest.mark.parametrize(
    ("sql", "complaint"),
    [
        ("", "found nothing"),
        ("select 1; select 2", "found SELECT, SELECT"),
        ("delete from core.a", "found DELETE"),
        ("create table x as select 1", "found CREATE"),
        ("select from where", "not valid SQL"),
    ],
)
def test_anything_but_one_select_is_refused_with_the_files_name(sql: str, complaint: str) -> None:
    with pytest.raises(SpecError, match=f"orders.sql: .*{complaint}"):
        parse(sql, "orders.sql")


def test_within_holds_the_days_of_all_intervals(connection: duckdb.DuckDBPyConnection) -> None:
    condition = write(within("ds", [*JAN_2, Interval(date(2026, 1, 3), date(2026, 1, 9))]), "duckdb")
    assert connection.execute(f"select x from core.a where {condition} order by 1").fetchall() == [(1,), (2,)]
    assert connection.execute(f"select x from core.a where x = 0 and not {condition}").fetchall() == [(0,)]


@pytest.mark.parametrize("dialect", ["athena", "spark"])
def test_other_engines_get_their_own_words(dialect: str) -> None:
    text = write(resolve(parse("select cast(x as varchar) as x from core.a", "test"), {"core.a": LAID_OVER}), dialect)
    assert "staging_run.core__a__k" in text
    assert ("STRING" in text) == (dialect == "spark")
