"""The statements that engines on Iceberg share, carried out by DuckDB, which understands them too."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import duckdb
import pytest
from sqlglot import exp, parse_one

from headline.errors import SpecError
from headline.intervals import DAY, Interval
from headline.ledger import Identity
from headline.warehouse.base import Result
from headline.warehouse.iceberg.calendar import ensure_calendar
from headline.warehouse.iceberg.contents import row_text
from headline.warehouse.iceberg.deletes import require_readable
from headline.warehouse.iceberg.engine import Engine, Partition
from headline.warehouse.iceberg.names import is_with_quarantine, outputs_of, staging_table
from headline.warehouse.iceberg.soda import Connection
from headline.warehouse.iceberg.statements import parts, replacing, same_type, type_from, typed

D1, D2, D3 = date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 3)
COLUMNS = {"ds": "date", "k": "integer", "v": "decimal(18, 4)"}


class OnDuckDB(Engine):
    """The shared statements on a DuckDB in memory; what makes a table is DuckDB's own."""

    dialect = "duckdb"

    def __init__(self) -> None:
        self.connection = duckdb.connect()

    def query(self, sql: str) -> Result:
        cursor = self.connection.execute(sql)
        return Result([column[0] for column in cursor.description or []], cursor.fetchall())

    def query_within(self, sql: str, seconds: float, most_rows: int) -> Result:
        return self.query(sql)

    def tables(self, namespace: str = "") -> set[str]:
        return {name for (name,) in self.query("select schema_name || '.' || table_name from duckdb_tables()").rows}

    def columns(self, table: str) -> dict[str, str]:
        return {name: kind for name, kind, *_ in self.query(f"describe {table}").rows} if table in self.tables() else {}

    def snapshot(self, table: str) -> int | None:
        return None

    def row_hash(self, text: exp.Expr) -> exp.Expr:
        return parse_one("hash(x)", read="duckdb").transform(lambda node: text if isinstance(node, exp.Column) else node)

    def landing(self, files: Sequence[str], columns: Mapping[str, str]) -> exp.Expr:
        raise NotImplementedError

    def create_namespace(self, name: str) -> None:
        self.query(f"create schema if not exists {name}")

    def create_table(self, name: str, columns: Mapping[str, str], partition: Partition | None = None) -> None:
        self.query(f"create table {name} ({', '.join(f'{column} {kind}' for column, kind in columns.items())})")


@pytest.fixture
def engine() -> Iterator[OnDuckDB]:
    found = OnDuckDB()
    found.create_namespace("core")
    found.create_table("core.t", COLUMNS)
    found.create_table("core.staged", COLUMNS)
    yield found
    found.connection.close()


def replace(engine: OnDuckDB, *days: Interval) -> list[tuple]:
    staged = exp.to_table("core.staged")
    engine.query(engine.write(replacing("core.t", COLUMNS, staged, ("ds", days) if days else None)))
    return engine.query("select ds, k, cast(v as integer) from core.t order by all").rows


def test_a_publication_replaces_the_rows_of_its_days_whatever_they_hold(engine: OnDuckDB) -> None:
    engine.query(f"insert into core.t values ('{D1}', 1, 1), ('{D1}', 1, 1), ('{D1}', null, 2), ('{D2}', 7, 7), ('{D3}', 8, 8)")
    engine.query(f"insert into core.staged values ('{D1}', 1, 5), ('{D1}', null, 6), ('{D3}', 9, 9)")
    expected = [(D1, 1, 5), (D1, None, 6), (D2, 7, 7), (D3, 8, 8)]
    assert replace(engine, Interval(D1, D2)) == expected
    assert replace(engine, Interval(D1, D2)) == expected, "twice is once"
    engine.query("delete from core.staged")
    assert replace(engine, Interval(D1, D3)) == [(D3, 8, 8)], "days that became empty"


def test_a_table_that_is_replaced_whole_has_the_staged_rows_and_no_other(engine: OnDuckDB) -> None:
    engine.query(f"insert into core.staged values ('{D1}', 1, 5), (null, null, null)")
    assert replace(engine) == replace(engine) == [(D1, 1, 5), (None, None, None)], "also where it was empty"
    engine.query("delete from core.staged")
    assert replace(engine) == []


def test_a_publication_is_cut_into_as_many_days_as_an_engine_writes_at_once() -> None:
    days = [Interval(D1 + number * DAY, D1 + (number + 1) * DAY) for number in (*range(250), 300)]
    found = list(parts(days, 100))
    assert [sum(map(len, group)) for group in found] == [100, 100, 51]
    assert [group[0].start for group in found] == [D1, D1 + 100 * DAY, D1 + 200 * DAY]
    assert found[-1][-1] == days[-1]


def test_the_identity_is_one_row_that_the_newest_publication_has_written(engine: OnDuckDB) -> None:
    assert engine.identity() is None
    first = Identity.new().next()
    engine.identify(first)
    engine.identify(first.next())
    assert engine.identity().id == first.id
    assert engine.identity().publication == 2
    assert engine.query("select count(*) from headline.identity").rows == [(1,)]


def test_the_calendar_has_each_day_of_the_century_once(engine: OnDuckDB) -> None:
    ensure_calendar(engine)
    ensure_calendar(engine)
    [(count, first, last)] = engine.query("select count(distinct ds), min(ds), max(ds) from calendar.days").rows
    assert (count, first, last) == (36525, date(2000, 1, 1), date(2099, 12, 31))
    assert engine.query("select count(*) from calendar.days").rows == [(36525,)]


@pytest.mark.parametrize(
    ("one", "other"), [("null, 'a'", "'a', null"), ("'a', 'b'", "'ab', ''"), ("null, 'b'", "'-', 'b'"), ("'1:a', ''", "'1', 'a'")]
)
def test_other_values_make_another_text_of_a_row(engine: OnDuckDB, one: str, other: str) -> None:
    text = row_text({"a": "varchar", "b": "varchar"}).sql("duckdb")
    rows = f"select {one} union all select {other}"
    assert engine.query(f"select count(distinct {text}) from ({rows}) as rows(a, b)").rows == [(2,)]


def test_a_select_gives_the_types_of_the_contract_and_hides_no_column(engine: OnDuckDB) -> None:
    sql = typed(
        "with one as (select 1 as n, 'x' as extra) select n, extra from one", {"n": "bigint", "lacking": "date"}, "duckdb"
    )
    assert [(name, kind) for name, kind, *_ in engine.query(f"describe {sql}").rows] == [("n", "BIGINT"), ("extra", "VARCHAR")]


def test_types_of_engines_are_those_of_contracts() -> None:
    spark = {
        "string": "VARCHAR",
        "timestamp_ntz": "TIMESTAMP",
        "decimal(18,4)": "DECIMAL(18,4)",
        "int": "INT",
        "bigint": "BIGINT",
    }
    assert {kind: type_from(kind, "spark") for kind in spark} == spark
    assert type_from("timestamp(6)", "athena") == "TIMESTAMP"
    assert same_type("DECIMAL(18,4)", "decimal(18, 4)")
    assert not same_type("DECIMAL(18,4)", "decimal(18, 6)")
    assert same_type("INT", "integer")


def test_delete_files_that_not_every_reader_understands_are_refused() -> None:
    require_readable("core.t", {"total-position-deletes": "7", "total-equality-deletes": "0"})
    with pytest.raises(SpecError, match=r"core\.t: .*total-equality-deletes 3"):
        require_readable("core.t", {"total-equality-deletes": "3"})


def test_a_staging_table_says_whose_rows_it_holds() -> None:
    plain = staging_table("core.order_lines", "ab", with_quarantine=False)
    both = staging_table("core.order_lines", "ab", with_quarantine=True)
    assert outputs_of(plain) == ["core.order_lines"]
    assert outputs_of(both) == ["core.order_lines", "quarantine.order_lines"]
    assert (is_with_quarantine(plain), is_with_quarantine(both)) == (False, True)


def test_sodas_statements_run_as_the_engines(engine: OnDuckDB) -> None:
    with Connection(engine).cursor() as cursor:
        cursor.execute("select 1 as one, 'x' as two")
        assert cursor.description == [("one", None), ("two", None)]
        assert cursor.fetchone() == (1, "x")
        assert cursor.fetchall() == [(1, "x")]
