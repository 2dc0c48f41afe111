"""The database source against a real PostgreSQL: exact types, days apart, and clear words when it cannot."""

import json
from contextlib import closing
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import psycopg2
import pyarrow as pa
import pytest

from headline.errors import BadData, SpecError, Transient
from headline.intervals import Interval
from headline.sources import database
from headline.sources.landing import LandingWriter, Part
from headline.sources.refused import ORIGIN, REFUSAL, REFUSED_TEXT
from headline.specs import DatabaseIngest

INGEST = DatabaseIngest(kind="database", connection="headline_source", extract="orders.extract.sql")
DAYS = Interval(date(2026, 3, 1), date(2026, 3, 4))


@pytest.fixture
def source(postgres: str, monkeypatch: pytest.MonkeyPatch) -> str:
    connection = {"conn_type": "postgres", "host": postgres, "login": "postgres", "schema": "postgres"}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_SOURCE", json.dumps(connection))
    return postgres


def read(folder: Path, query: str, interval: Interval = DAYS) -> list[Part]:
    (folder / INGEST.extract).write_text(query)
    return list(database.read(INGEST, folder, interval))


def test_types_arrive_exactly(source: str, tmp_path: Path) -> None:
    query = """
        select date '{{ start }}' as ds, 'a'::varchar as t, null::text as n, 12345678901234.5678::numeric(18, 4) as money,
            0.12345678901234567890123::numeric as free, 9007199254740993::bigint as big, 7::smallint as small, true as flag,
            timestamp '2026-03-01 10:00:00.123456' as at, timestamptz '2026-03-01 10:00:00+02' as at_zone, 1.1::float8 as f
    """
    [(day, rows)] = read(tmp_path, query)
    assert day == date(2026, 3, 1)
    assert rows.to_pylist() == [
        {
            "ds": date(2026, 3, 1),
            "t": "a",
            "n": None,
            "money": Decimal("12345678901234.5678"),
            "free": "0.12345678901234567890123",
            "big": 9007199254740993,
            "small": 7,
            "flag": True,
            "at": datetime(2026, 3, 1, 10, 0, 0, 123456),  # noqa: DTZ001
            "at_zone": datetime(2026, 3, 1, 8, tzinfo=UTC),
            "f": "1.1",
        }
    ]
    assert rows.schema.field("money").type == pa.decimal128(18, 4)


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        ("'NaN'", "numeric(18, 4)", "NaN"),
        ("'infinity'", "timestamp", "infinity"),
        ("'-infinity'", "timestamptz", "-infinity"),
        ("'12026-03-01 10:00:00'", "timestamp", "12026-03-01 10:00:00"),
        ("'0044-03-15 BC'", "date", "0044-03-15 BC"),
    ],
)
def test_a_value_that_is_none_here_is_refused_with_its_row_and_no_other(
    source: str, tmp_path: Path, value: str, kind: str, text: str
) -> None:
    odd = f"(case when n = 2 then {value} end)::{kind}"
    query = f"select date '{{{{ start }}}}' as ds, n as id, {odd} as x from generate_series(1, 3) as n"
    (tmp_path / INGEST.extract).write_text(query)
    [(_, rows)] = database.read(INGEST.model_copy(update={"key": ["id"]}), tmp_path, DAYS)
    assert rows.column("x").null_count == 3
    assert [row[REFUSAL] for row in rows.to_pylist()] == [None, "invalid_x", None]
    assert (rows.to_pylist()[1][REFUSED_TEXT], rows.to_pylist()[1][ORIGIN]) == (text, "id 2")


def test_padding_is_no_text(source: str, tmp_path: Path) -> None:
    [(_, rows)] = read(tmp_path, "select date '{{ start }}' as ds, 'a'::char(5) as c")
    assert rows.column("c").to_pylist() == ["a"]


SERIES = """
    select cast(day as date) as ds, n, repeat('x', 50) as filler
    from generate_series(timestamp '{{ start }}', timestamp '{{ end }}' - interval '1 day', interval '1 day') as day,
        generate_series(1, 700) as n
    order by ds, n
"""


def test_rows_come_in_parts_of_one_day(source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "ROWS_AT_A_TIME", 500)
    parts = read(tmp_path, SERIES)
    assert [(day.day, rows.num_rows) for day, rows in parts] == [(1, 500), (1, 200), (2, 500), (2, 200), (3, 500), (3, 200)]


def test_a_day_makes_the_same_file_alone_and_within_a_range(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: object
) -> None:
    monkeypatch.setattr(database, "ROWS_AT_A_TIME", 500)
    monkeypatch.setenv("HEADLINE_LANDING", f"file://{tmp_path}/landing")
    writer = LandingWriter("shop", "landing.orders", "test")
    whole = {load.ds: load.checksum for load in writer.write(read(tmp_path, SERIES), [])}
    alone = writer.write(read(tmp_path, SERIES, Interval(date(2026, 3, 2), date(2026, 3, 3))), [])
    assert {load.ds: load.checksum for load in alone} == {date(2026, 3, 2): whole[date(2026, 3, 2)]}


def test_nothing_there_gives_no_parts(source: str, tmp_path: Path) -> None:
    assert read(tmp_path, "select date '2026-03-01' as ds, 1 as n where false") == []


@pytest.mark.parametrize("day", ["date '2026-02-28'", "date '2026-03-04'"])
def test_rows_of_other_days_are_bad_data(source: str, tmp_path: Path, day: str) -> None:
    with pytest.raises(BadData, match=r"orders\.extract\.sql: gave a row with ds = .* outside of \[2026-03-01, 2026-03-04\)"):
        read(tmp_path, f"select {day} as ds")


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("select 1 as n", "no column ds of type date"),
        ("select timestamp '2026-03-01' as ds", "no column ds of type date"),
        ("select '2026-03-01' as ds", "no column ds of type date"),
        ("select date '2026-03-01' as ds, absent from nowhere", 'relation "nowhere" does not exist'),
        ("select from where", "syntax error"),
        ("select {{ absent }}", "absent"),
    ],
)
def test_a_wrong_query_is_told_with_its_file(source: str, tmp_path: Path, query: str, complaint: str) -> None:
    with pytest.raises(SpecError, match=rf"orders\.extract\.sql: .*{complaint}"):
        read(tmp_path, query)


def test_a_database_that_is_down_is_worth_another_try(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = {"conn_type": "postgres", "host": str(tmp_path), "login": "postgres", "schema": "postgres"}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_SOURCE", json.dumps(connection))
    with pytest.raises(Transient, match="connection headline_source"):
        read(tmp_path, "select date '2026-03-01' as ds")


def test_a_connection_that_is_cut_while_reading_is_worth_another_try(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "ROWS_AT_A_TIME", 500)
    (tmp_path / INGEST.extract).write_text(SERIES)
    parts = database.read(INGEST, tmp_path, DAYS)
    next(parts)
    with closing(psycopg2.connect(host=source, user="postgres")) as server:
        server.autocommit = True
        server.cursor().execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = 'postgres'"
        )
    with pytest.raises(Transient, match="out of reach"):
        list(parts)


def test_the_connection_is_closed_when_all_is_read(source: str, tmp_path: Path) -> None:
    read(tmp_path, SERIES)
    with closing(psycopg2.connect(host=source, user="postgres")) as server, server.cursor() as cursor:
        cursor.execute("select count(*) from pg_stat_activity where pid <> pg_backend_pid() and datname = 'postgres'")
        assert cursor.fetchall() == [(0,)]
