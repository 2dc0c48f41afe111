"""The embedded engine: staging tables, atomic publication, the lock, and what its errors become."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from threading import Thread
from typing import Any

import duckdb
import pytest
from tests.unit.warehouse.tables import make_table

from headline.connections import Connection
from headline.errors import BadData, BadRequest, HeadlineError, SpecError, Transient
from headline.intervals import DAY, Interval, Period
from headline.rules.golden import open_in_memory
from headline.specs import Table
from headline.warehouse import Content, Output, Replacement, Session, Staging, Warehouse
from headline.warehouse.duckdb.staging import DuckDBStaging
from headline.warehouse.duckdb.warehouse import DuckDBWarehouse

MakeTable = Callable[..., Table]

D = [date(2026, 3, 1 + i) for i in range(5)]


def values(*rows: tuple[date, int]) -> str:
    return "select * from (values " + ", ".join(f"(date '{day}', {x})" for day, x in rows) + ") as v(ds, x)"


@pytest.fixture
def made(tmp_path: Path) -> MakeTable:
    """Makes a table core.<name> with the columns ds and x, and others by name and type."""

    def make(name: str, period: Period = "day", *, quarantine: bool = False, **columns: str) -> Table:
        return make_table(tmp_path, name, {"ds": "date", "x": "integer"} | columns, period=period, quarantine=quarantine)

    return make


@pytest.fixture
def staging(warehouse: Warehouse, made: MakeTable) -> Iterator[Staging]:
    """core.t and core.u hold a row a day, x = 0 to 4; staged are other rows for the second day and none for the third."""
    with warehouse.staging("k") as opened:
        tables = [made("t"), made("u")]
        opened.ensure([Output(table.full_name, table) for table in tables])
        for table in tables:
            opened.stage(table, [values(*[(day, i) for i, day in enumerate(D)])])
        with opened.publishing():
            opened.replace([Replacement(table, None) for table in tables])
        for table in tables:
            opened.stage(table, [values((D[1], 100), (D[1], 101))])
        yield opened


@pytest.fixture
def session(warehouse: Warehouse, staging: Staging) -> Iterator[Session]:
    with warehouse.session() as opened:
        yield opened


def publish(staging: Staging, *replacements: Replacement) -> None:
    with staging.publishing():
        staging.replace(replacements)


def content(staging: Staging, table: str) -> list[int]:
    with staging.reading():
        return xs(staging, table)


def xs(session: Session, table: str) -> list[int]:
    return [row[0] for row in session.query(f"select x from {table} order by ds, x").rows]


def test_publication_replaces_exactly_the_intervals(staging: Staging, made: MakeTable) -> None:
    table = made("t")
    publish(staging, Replacement(table, [Interval(D[1], D[3])]))
    assert content(staging, "core.t") == [0, 100, 101, 3, 4]
    publish(staging, Replacement(table, [Interval(D[1], D[2]), Interval(D[4], D[4] + DAY)]))
    assert content(staging, "core.t") == [0, 100, 101, 3]


def test_a_table_without_a_period_is_replaced_whole(staging: Staging, made: MakeTable) -> None:
    publish(staging, Replacement(made("t", "all"), None))
    assert content(staging, "core.t") == [100, 101]


def test_all_tables_are_published_or_none(staging: Staging, made: MakeTable) -> None:
    day = [Interval(D[1], D[2])]
    with pytest.raises(SpecError, match="absent"):
        publish(staging, Replacement(made("t"), day), Replacement(made("absent"), day))
    assert content(staging, "core.t") == [0, 1, 2, 3, 4]
    publish(staging, Replacement(made("t"), day), Replacement(made("u"), day))
    assert content(staging, "core.t") == content(staging, "core.u") == [0, 100, 101, 2, 3, 4]


def test_columns_are_matched_by_name(staging: Staging, made: MakeTable) -> None:
    staging.stage(made("t"), ["select 7 as x, date '2026-03-02' as ds"])
    publish(staging, Replacement(made("t"), [Interval(D[1], D[2])]))
    assert content(staging, "core.t") == [0, 7, 2, 3, 4]


def test_a_quarantine_is_published_with_its_table(staging: Staging, made: MakeTable) -> None:
    table = made("q", quarantine=True)
    staging.ensure([Output(name, table) for name in table.outputs])
    select = "select *, case when x < 0 then 'negative' end as quarantine_reason from ({}) as v"
    contents = staging.stage(table, [select.format(values((D[0], 1), (D[0], -1), (D[1], -2)))])
    assert {one.start: (one.row_count, one.refused_count) for one in contents} == {D[0]: (2, 1), D[1]: (1, 1)}
    publish(staging, Replacement(table, [Interval(D[0], D[2])]))
    assert (content(staging, "core.q"), content(staging, "quarantine.q")) == ([1], [-1, -2])
    with staging.reading():
        assert staging.query("select distinct quarantine_reason from quarantine.q").rows == [("negative",)]
        assert as_set(staging.published_contents(table)) == as_set(contents)


def test_a_staging_table_is_made_anew_from_all_selects(staging: Staging, made: MakeTable) -> None:
    contents = staging.stage(made("t"), [values((D[0], 1)), values((D[1], 2), (D[2], 3))])
    assert {one.start: one.row_count for one in contents} == {D[0]: 1, D[1]: 1, D[2]: 1}
    assert [one.row_count for one in staging.stage(made("t"), [values((D[0], 9))])] == [1]
    assert xs(staging, staging.staging_name("core.t")) == [9]


def test_a_staging_table_that_fails_halfway_stays_what_it_was(staging: Staging, made: MakeTable) -> None:
    with pytest.raises(BadData):
        staging.stage(made("t"), [values((D[0], 1)), "select date '2026-03-01', cast('one' as integer)"])
    assert xs(staging, staging.staging_name("core.t")) == [100, 101]


def test_staging_tables_are_of_their_session_alone(staging: Staging, warehouse: Warehouse) -> None:
    with warehouse.staging("other") as other, pytest.raises(SpecError):
        xs(other, other.staging_name("core.t"))


def test_what_is_kept_can_be_read_after_the_session_until_it_is_forgotten(staging: Staging, warehouse: Warehouse) -> None:
    with pytest.raises(BadRequest, match="the run k has kept nothing"), warehouse.kept("k"):
        pass
    staging.keep()
    with warehouse.kept("k") as kept, kept.reading():
        assert xs(kept, kept.staging_name("core.t")) == [100, 101]
        assert xs(kept, "core.t") == [0, 1, 2, 3, 4]
    staging.keep()
    warehouse.forget("k")
    warehouse.forget("k")
    with pytest.raises(BadRequest), warehouse.kept("k"):
        pass


def test_decimals_stay_exact(staging: Staging) -> None:
    table = "staging.money"
    staging.query(f"create table {table} as select cast('12345678901234.5678' as decimal(18, 4)) as x")
    staging.query(f"insert into {table} select cast(0.1 as decimal(18, 4))")
    assert staging.query(f"select sum(x) from {table}").rows == [(Decimal("12345678901234.6678"),)]


def test_published_tables_can_be_read_while_reading_alone(staging: Staging) -> None:
    with staging.reading(), staging.reading():
        assert xs(staging, "core.t") == [0, 1, 2, 3, 4]
        with pytest.raises(HeadlineError, match="read-only"):
            staging.query("delete from core.t")
    with pytest.raises(SpecError):
        xs(staging, "core.t")


def test_readers_and_runs_are_beside_each_other_and_publication_is_alone(
    staging: Staging, warehouse: Warehouse, made: MakeTable
) -> None:
    replacement = Replacement(made("t"), [Interval(D[1], D[2])])
    publication = Thread(target=publish, args=(staging, replacement))
    with warehouse.session(read_only=True) as reader, warehouse.staging("other") as other, other.reading():
        publication.start()
        publication.join(0.4)
        assert publication.is_alive()
        assert xs(reader, "core.t") == xs(other, "core.t") == [0, 1, 2, 3, 4]
    publication.join(10)
    assert content(staging, "core.t") == [0, 100, 101, 2, 3, 4]


def test_who_reads_gives_way_to_who_waits_to_publish(staging: Staging, warehouse: Warehouse, made: MakeTable) -> None:
    publication = Thread(target=publish, args=(staging, Replacement(made("t"), [Interval(D[1], D[2])])))
    with warehouse.staging("other") as other, other.reading():
        other.give_way()  # nobody waits
        assert xs(other, "core.t") == [0, 1, 2, 3, 4]
        publication.start()
        publication.join(0.4)
        assert publication.is_alive()
        other.give_way()
        assert xs(other, "core.t") == [0, 100, 101, 2, 3, 4]
    publication.join(10)


def test_a_column_that_the_contract_adds_is_added(staging: Staging, made: MakeTable) -> None:
    table = made("t", added="decimal")
    staging.ensure([Output(table.full_name, table)])
    with staging.reading():
        assert staging.query("select count(*), count(added) from core.t").rows == [(5, 0)]


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [({"x": "bigint"}, r"retypes \['x'\] and drops no column"), ({}, r"retypes no column and drops \['gone'\]")],
)
def test_a_contract_that_no_longer_fits_what_is_published_stops_with_the_columns(
    staging: Staging, made: MakeTable, columns: dict[str, str], complaint: str
) -> None:
    if not columns:
        with staging.publishing():
            staging.query("alter table core.t add column gone integer")
    table = made("t", **columns)
    with pytest.raises(SpecError, match=complaint):
        staging.ensure([Output(table.full_name, table)])
    assert content(staging, "core.t") == [0, 1, 2, 3, 4]


def test_tables_that_are_there_already_need_no_lock(staging: Staging, made: MakeTable, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two spellings of a type are no drift."""
    table = made("s", quarantine=True, text="varchar", stamp="timestamp", big="bigint")
    staging.ensure([Output(name, table) for name in table.outputs])
    monkeypatch.setattr(DuckDBStaging, "publishing", lambda _session: pytest.fail("there is nothing to write"))
    table = made("s", quarantine=True, text="text", stamp="timestamp", big="bigint")
    staging.ensure([Output(name, table) for name in table.outputs])


def test_only_what_is_not_there_yet_is_made(staging: Staging, made: MakeTable) -> None:
    known, new = made("t"), made("s", quarantine=True)
    staging.ensure([Output(known.full_name, known), *(Output(name, new) for name in new.outputs)])
    with staging.reading():
        assert staging.query("select count(*) from core.s union all select count(*) from quarantine.s").rows == [(0,), (0,)]
    assert content(staging, "core.t") == [0, 1, 2, 3, 4]


def test_days_beside_each_other_are_replaced_by_one_condition(
    staging: Staging, made: MakeTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each row is compared with each condition: 60 days in a row must not be 60 of them."""
    told: list[str] = []
    execute = DuckDBStaging.execute
    monkeypatch.setattr(DuckDBStaging, "execute", lambda session, sql: (told.append(sql), execute(session, sql))[1])
    with staging.publishing():
        staging.replace([Replacement(made("t"), [Interval(day, day + DAY) for day in (D[0], D[1], D[2], D[4])])])
    [deletion] = [sql for sql in told if sql.startswith("delete")]
    assert deletion.count("ds >=") == 2
    assert content(staging, "core.t") == [100, 101, 3]


def as_set(contents: list[Content]) -> set[Content]:
    return set(contents)


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("select nonsense from core.t", SpecError),
        ("select * from core.absent", SpecError),
        ("select from", SpecError),
        ("select cast('one' as integer)", BadData),
        ("select cast(99999999999 as integer)", BadData),
        ("select cast(12345.678 as decimal(4, 2))", BadData),
        ("select * from read_parquet('/nowhere/x.parquet')", Transient),
    ],
)
def test_errors_become_ours_by_what_can_be_done_about_them(session: Session, sql: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        session.query(sql)


def test_what_landed_is_read_with_days_and_names(session: Session, tmp_path: Path) -> None:
    files = [tmp_path / "it's one.parquet", tmp_path / "two.parquet"]
    session.query(
        f"copy (select date '2026-03-01' as ds, 'a' as k) to '{str(files[0]).replace(chr(39), chr(39) * 2)}' (format parquet)"
    )
    session.query(f"copy (select date '2026-03-02' as ds, 'b' as extra) to '{files[1]}' (format parquet)")
    rows = session.landing([f"file://{file}" for file in files], {})
    text = rows.sql("duckdb")  # type: ignore[union-attr]
    assert session.query(f"select ds, k, extra from {text} order by ds").rows == [(D[0], "a", None), (D[1], None, "b")]


def test_what_has_not_landed_has_columns_and_no_rows(session: Session) -> None:
    text = session.landing([], {"k": "varchar", "ds": "date"}).sql("duckdb")  # type: ignore[union-attr]
    assert session.query(f"select k, ds from {text}").rows == []


def test_a_century_of_days_is_always_there(session: Session) -> None:
    assert session.query("select count(*), min(ds), max(ds) from calendar.days").rows == [
        (36525, date(2000, 1, 1), date(2099, 12, 31))
    ]


def test_reading_alone_cannot_write(warehouse: Warehouse, staging: Staging) -> None:
    with warehouse.session(read_only=True) as reader:
        assert xs(reader, "core.t") == [0, 1, 2, 3, 4]
        with pytest.raises(HeadlineError, match="read-only"):
            reader.query("delete from core.t")


def test_reading_a_warehouse_that_is_not_there_says_how_to_make_it(tmp_path: Path) -> None:
    warehouse = DuckDBWarehouse(Connection("w", "duckdb", host=str(tmp_path / "absent.duckdb")))
    with pytest.raises(Transient, match="make run"), warehouse.session(read_only=True):
        pass
    assert not (tmp_path / "absent.duckdb").exists()


HOLD = "import duckdb, sys, time; c = duckdb.connect(sys.argv[1]); print('held', flush=True); time.sleep(float(sys.argv[2]))"


def hold(file: Path, seconds: float) -> subprocess.Popen[str]:
    """Another process opens the warehouse and keeps it for a while."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(file), str(seconds)], stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


@pytest.fixture
def lock_keeper(ledger_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The ledger keeps the warehouse's lock."""
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_LEDGER", ledger_database)


def locked(tmp_path: Path, lock_timeout: float) -> DuckDBWarehouse:
    return DuckDBWarehouse(Connection("w", "duckdb", host=str(tmp_path / "w.duckdb"), extra={"lock_timeout": lock_timeout}))


@pytest.mark.usefixtures("lock_keeper")
def test_a_lock_is_waited_for(tmp_path: Path) -> None:
    warehouse = locked(tmp_path, lock_timeout=20)
    with hold(warehouse.path, 0.7), warehouse.session() as session:
        assert session.query("select 1").rows == [(1,)]


@pytest.mark.usefixtures("lock_keeper")
def test_a_lock_that_stays_is_told_with_who_holds_it(tmp_path: Path) -> None:
    warehouse = locked(tmp_path, lock_timeout=0.2)
    with hold(warehouse.path, 30) as holder:
        with pytest.raises(Transient, match=f"PID {holder.pid}"), warehouse.session():
            pass
        holder.kill()
    with warehouse.session() as session:
        assert session.query("select 1").rows == [(1,)]


@pytest.mark.usefixtures("lock_keeper")
def test_a_file_that_is_no_warehouse_fails_at_once(tmp_path: Path) -> None:
    (tmp_path / "w.duckdb").write_text("something else entirely, and long enough to be looked at as a header" * 100)
    with pytest.raises(Transient, match="could not be opened"), locked(tmp_path, lock_timeout=60).session():
        pass


@pytest.mark.usefixtures("lock_keeper")
def test_a_process_killed_while_it_publishes_leaves_what_was_there(tmp_path: Path) -> None:
    file = tmp_path / "w.duckdb"
    with duckdb.connect(file) as connection:
        connection.execute("create table t as select 1 as x")
    script = (
        "import duckdb, os, signal, sys; c = duckdb.connect(sys.argv[1]); c.begin(); c.execute('delete from t'); "
        "c.execute('insert into t select * from range(100000)'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script, str(file)], check=False)
    with locked(tmp_path, 5).session() as session:
        assert session.query("select x from t").rows == [(1,)]


def test_the_connections_type_picks_the_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    from headline.warehouse import open_warehouse

    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_WAREHOUSE", '{"conn_type": "oracle", "host": "x"}')
    with pytest.raises(SpecError, match="no engine for the type 'oracle'"):
        open_warehouse()


def test_no_session_uses_the_optimizer_that_gave_wrong_rows(warehouse: Warehouse) -> None:
    """DuckDB 2.0.0 counted no buyer where there was one; with another version, see whether the setting is still needed."""
    asked = "select current_setting('disabled_optimizers')"
    with warehouse.session() as session, warehouse.staging("k") as staging, open_in_memory() as golden:
        assert {one.query(asked).rows[0][0] for one in (session, staging, golden)} == {"statistics_propagation"}
