"""The embedded engine: candidates, atomic publication, the lock, and what its errors become."""

import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from headline.connections import Connection
from headline.errors import BadData, HeadlineError, SpecError, Transient
from headline.intervals import DAY, Interval
from headline.specs import Contract
from headline.warehouse import Replacement, Session, Warehouse, candidate_name
from headline.warehouse.duckdb import DuckDBWarehouse

D = [date(2026, 3, 1 + i) for i in range(5)]


def contract(**columns: str) -> Contract:
    known = {"ds": "date", "x": "integer"} | columns
    described = [{"name": name, "data_type": kind, "description": "A column."} for name, kind in known.items()]
    content = {
        "dataset": "warehouse/core/t",
        "description": "One row per day.",
        "columns": described,
        "checks": [{"schema": None}],
    }
    return Contract.model_validate(content)


def values(*rows: tuple[date, int]) -> str:
    return "select * from (values " + ", ".join(f"(date '{day}', {x})" for day, x in rows) + ") as v(ds, x)"


@pytest.fixture
def session(warehouse: Warehouse) -> Iterator[Session]:
    """core.t and core.u hold a row a day, x = 0 to 4; candidates hold other rows for the second day and none for the third."""
    with warehouse.session() as opened:
        for table in ("core.t", "core.u"):
            opened.ensure_table(table, contract())
            opened.query(f"insert into {table} {values(*[(day, i) for i, day in enumerate(D)])}")
            opened.write_candidate(candidate_name(table, "k"), [values((D[1], 100), (D[1], 101))])
        yield opened


def replacement(table: str, *intervals: Interval, period_column: str | None = "ds") -> Replacement:
    return Replacement(table, candidate_name(table, "k"), ["ds", "x"], list(intervals), period_column)


def content(session: Session, table: str) -> list[int]:
    return [row[0] for row in session.query(f"select x from {table} order by ds, x").rows]


def test_publication_replaces_exactly_the_intervals(session: Session) -> None:
    session.publish([replacement("core.t", Interval(D[1], D[3]))])
    assert content(session, "core.t") == [0, 100, 101, 3, 4]
    session.publish([replacement("core.t", Interval(D[1], D[2]), Interval(D[4], D[4] + DAY))])
    assert content(session, "core.t") == [0, 100, 101, 3]


def test_a_table_without_a_period_is_replaced_whole(session: Session) -> None:
    session.publish([replacement("core.t", Interval(D[1], D[2]), period_column=None)])
    assert content(session, "core.t") == [100, 101]


def test_all_tables_are_published_or_none(session: Session) -> None:
    day = Interval(D[1], D[2])
    broken = Replacement("core.u", "candidate.absent", ["ds", "x"], [day], "ds")
    with pytest.raises(SpecError, match="absent"):
        session.publish([replacement("core.t", day), broken])
    assert content(session, "core.t") == [0, 1, 2, 3, 4]
    session.publish([replacement("core.t", day), replacement("core.u", day)])
    assert content(session, "core.t") == content(session, "core.u") == [0, 100, 101, 2, 3, 4]


def test_columns_are_matched_by_name(session: Session) -> None:
    session.query("create or replace table candidate.core__t__k as select 7 as x, date '2026-03-02' as ds")
    session.publish([replacement("core.t", Interval(D[1], D[2]))])
    assert content(session, "core.t") == [0, 7, 2, 3, 4]


def test_a_candidate_is_made_anew_from_all_selects(session: Session) -> None:
    name = candidate_name("core.t", "again")
    assert session.write_candidate(name, [values((D[0], 1)), values((D[1], 2), (D[2], 3))]) == 3
    assert session.write_candidate(name, [values((D[0], 9))]) == 1
    assert content(session, name) == [9]


def test_a_candidate_that_fails_halfway_stays_what_it_was(session: Session) -> None:
    name = candidate_name("core.t", "k")
    with pytest.raises(BadData):
        session.write_candidate(name, [values((D[0], 1)), "select date '2026-03-01', cast('one' as integer)"])
    assert content(session, name) == [100, 101]


def test_decimals_stay_exact(session: Session) -> None:
    name = candidate_name("core.money", "k")
    session.write_candidate(
        name, ["select cast('12345678901234.5678' as decimal(18, 4)) as x", "select cast(0.1 as decimal(18, 4))"]
    )
    assert session.query(f"select sum(x) from {name}").rows == [(Decimal("12345678901234.6678"),)]


def test_dropping_what_is_not_there_is_fine(session: Session) -> None:
    session.drop([candidate_name("core.t", "k"), "candidate.absent"])
    with pytest.raises(SpecError):
        session.query("select * from candidate.core__t__k")


def test_a_column_that_the_contract_adds_is_added(session: Session) -> None:
    session.ensure_table("core.t", contract(added="decimal"))
    assert session.query("select count(*), count(added) from core.t").rows == [(5, 0)]


@pytest.mark.parametrize(
    ("columns", "complaint"),
    [({"x": "bigint"}, r"retypes \['x'\] and drops no column"), ({}, r"retypes no column and drops \['gone'\]")],
)
def test_a_contract_that_no_longer_fits_what_is_published_stops_with_the_columns(
    session: Session, columns: dict[str, str], complaint: str
) -> None:
    if not columns:
        session.query("alter table core.t add column gone integer")
    with pytest.raises(SpecError, match=complaint):
        session.ensure_table("core.t", contract(**columns))
    assert content(session, "core.t") == [0, 1, 2, 3, 4]


def test_two_spellings_of_a_type_are_no_drift(session: Session) -> None:
    session.ensure_table("core.s", contract(text="varchar", stamp="timestamp", big="bigint"), quarantine=True)
    session.ensure_table("core.s", contract(text="text", stamp="datetime", big="int8"), quarantine=True)


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


def test_reading_alone_cannot_write(warehouse: Warehouse, session: Session) -> None:
    session._connection.close()  # type: ignore[attr-defined]
    with warehouse.session(read_only=True) as reader:
        assert content(reader, "core.t") == [0, 1, 2, 3, 4]
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


def locked(tmp_path: Path, lock_timeout: float) -> DuckDBWarehouse:
    return DuckDBWarehouse(Connection("w", "duckdb", host=str(tmp_path / "w.duckdb"), extra={"lock_timeout": lock_timeout}))


def test_a_lock_is_waited_for(tmp_path: Path) -> None:
    warehouse = locked(tmp_path, lock_timeout=20)
    with hold(warehouse.path, 0.7), warehouse.session() as session:
        assert session.query("select 1").rows == [(1,)]


def test_a_lock_that_stays_is_told_with_who_holds_it(tmp_path: Path) -> None:
    warehouse = locked(tmp_path, lock_timeout=0.2)
    with hold(warehouse.path, 30) as holder:
        with pytest.raises(Transient, match=f"PID {holder.pid}"), warehouse.session():
            pass
        holder.kill()
    with warehouse.session() as session:
        assert session.query("select 1").rows == [(1,)]


def test_a_file_that_is_no_warehouse_fails_at_once(tmp_path: Path) -> None:
    (tmp_path / "w.duckdb").write_text("something else entirely, and long enough to be looked at as a header" * 100)
    with pytest.raises(Transient, match="could not be opened"), locked(tmp_path, lock_timeout=60).session():
        pass


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
