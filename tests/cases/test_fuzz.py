"""Any bytes make rows and refused rows that add up, or one clear error: from every kind of source."""

from __future__ import annotations

import codecs
import gzip
import io
import json
import os
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import psycopg2
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import requests
from airflow.providers.http.hooks.http import HttpHook
from hypothesis import example, given
from hypothesis import strategies as st

from headline.errors import BadData, HeadlineError
from headline.intervals import DAY, Interval
from headline.ledger import Load
from headline.sources import database, files, http, json_text, stream
from headline.sources.agreed import Agreed
from headline.sources.intact import sums_of
from headline.sources.landing import LandingWriter, Part, Unfit
from headline.sources.refused import RESERVED
from headline.specs import DatabaseIngest, FilesIngest, HttpIngest, StreamIngest
from headline.warehouse.duckdb.instance import instance

D1 = date(2026, 3, 1)
ONE = Interval(D1, D1 + DAY)
KINDS = {"id": "text", "quantity": "integer", "amount": "decimal(18, 4)", "day": "date", "at": "timestamp"}
AGREED = Agreed({name: {kind} for name, kind in KINDS.items()}, ZoneInfo("UTC"), key=["id"])
READ = ", ".join(
    f"""cast(nullif(trim("{name}"), '') as {"varchar" if kind == "text" else kind})""" for name, kind in KINDS.items()
)
TYPED = ", ".join(f"""cast("{name}" as {"varchar" if kind == "text" else kind})""" for name, kind in KINDS.items())
# Of a record that is refused for something else too.
READABLE = """case when headline_refusal is null or headline_unread not like '%,amount,%' then "amount" end"""
LONG_AGO = 0
OPEN = ExitStack()

TEXTS = st.one_of(
    st.text(max_size=6),
    st.text(st.characters(), max_size=4),  # half surrogates included
    st.sampled_from(["", " ", "\0", "\ud83d", "\udcff", "#N/A", "a\r\nb", '"', "'"]),
    st.sampled_from(["NaN", "-Infinity", "1,020.00", "1e3", "1.00000", "1.00005", "0x1A", "00012", "+5", "٣", "１２"]),
    st.sampled_from(["99999999999999999999", "2026-03-01", "2026-02-30", "12026-03-01", "2026-W09-7", "20260301"]),
    st.sampled_from(["0044-03-15 BC", "2026-03-01T12:00:00Z", "2026-03-01 12:00", "2026-03-01T12:00:00.123456789+05:30"]),
    st.sampled_from(["2026-03-01T23:59:60Z", "2026-03-01T24:00:00", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"]),
)
NAMES = st.one_of(
    st.sampled_from([*KINDS, "ID", "ds", "DS", "", "  ", 'a"b', "a.b", "a", *RESERVED, "x" * 300, "\0", "\ud83d", "Amount"]),
    TEXTS,
)
VALUES = st.recursive(
    st.one_of(TEXTS, st.none(), st.booleans(), st.integers(), st.floats()),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=2),
    max_leaves=4,
)


@st.composite
def objects(draw: st.DrawFn) -> str:
    """A JSON object, mostly sound, in which a key may stand twice."""
    sound = {"id": "a", "quantity": 1, "amount": "5.00", "day": str(D1), "at": f"{D1}T10:00:00Z"}
    pairs = [(name, draw(VALUES) if draw(st.integers(0, 5)) == 0 else value) for name, value in sound.items()]
    pairs += draw(st.lists(st.tuples(NAMES, VALUES), max_size=2))
    return "{" + ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in pairs) + "}"


@st.composite
def damaged(draw: st.DrawFn, content: bytes) -> bytes:
    """The content after a few bytes of it were lost, doubled or replaced."""
    for _ in range(draw(st.integers(0, 2))):
        start = draw(st.integers(0, len(content)))
        end = min(len(content), start + draw(st.integers(0, 12)))
        new = draw(
            st.one_of(st.binary(max_size=4), st.just(content[start:end] * 2))
            | st.sampled_from([b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n\n", b"\0", b'"', b",", b"\x80", b"{", b"\x1f\x8b"])
        )
        content = content[:start] + new + content[end:]
    return content


@pytest.fixture(scope="module")
def share(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder in which files are dropped."""
    folder = tmp_path_factory.mktemp("share")
    with pytest.MonkeyPatch.context() as patch:
        extra = json.dumps({"conn_type": "fs", "extra": {"path": f"file://{folder}"}})
        patch.setenv("AIRFLOW_CONN_HEADLINE_DATASHARE", extra)
        yield folder


def landed(parts: Iterator[Part], folder: Path) -> list[Load]:
    """What was read, as it is written to the landing zone."""
    return LandingWriter("fuzz", "landing.fuzz", "test", AGREED, folder / "landing").write(parts, ONE)


def require_sound(loads: list[Load], count: int | None = None) -> None:
    """Every row is readable as agreed or refused with reason and text; together they are as many as arrived."""
    total = 0
    for load in loads:
        path = load.file.removeprefix("file://")
        table = pq.ParquetFile(path).read()
        names = [name.casefold() for name in table.schema.names]
        assert len(set(names)) == len(names), names
        assert all(name.strip() for name in names)
        refusals = RESERVED & set(names)
        assert refusals in (set(), RESERVED)
        for row in table.to_pylist() if refusals else ():
            if row["headline_refusal"] is None:
                assert row["headline_text"] is None is row["headline_origin"], row
            else:  # a record may lack the field that tells its day
                assert row["headline_text"] is not None or row["headline_refusal"] == "invalid_at", row
        if KINDS.keys() <= set(table.schema.names):
            sound = "where headline_refusal is null" if refusals else ""
            rows = engine().execute(f"select {READ} from read_parquet('{path}') {sound}").fetchall()
            assert len(rows) == (pc.sum(pc.is_null(table.column("headline_refusal"))).as_py() if refusals else table.num_rows)
            amount = READABLE if refusals else '"amount"'
            query = f"select sum(cast(nullif(trim(cast({amount} as varchar)), '') as decimal(18, 4))) from read_parquet('{path}')"
            [[money]] = engine().execute(query).fetchall()
            assert sums_of(load).get("amount", money or 0) == (money or 0)
        total += table.num_rows
        assert load.row_count == table.num_rows
    assert count is None or total == count, (total, count)


@cache
def engine() -> duckdb.DuckDBPyConnection:
    return OPEN.enter_context(instance({}))


def lines_of(content: bytes) -> int | None:
    """How many lines hold anything; None where one may hold several records."""
    if b"\r" in content or b"}{" in content.translate(None, b" \t\x0b\x0c") or b"[" in content:
        return None
    return sum(bool(line.strip()) for line in content.removeprefix(codecs.BOM_UTF8).split(b"\n"))


@given(st.lists(objects(), max_size=6).flatmap(lambda lines: damaged("\n".join(lines).encode())))
def test_a_file_of_json_lines(share: Path, content: bytes) -> None:
    file = share / "lines.json"
    file.write_bytes(content)
    os.utime(file, (LONG_AGO, LONG_AGO))
    ingest = FilesIngest(kind="files", connection="headline_datashare", pattern="lines.json", format="json")
    try:
        loads = landed(files.read(ingest, ONE), share)
    except BadData:
        return
    require_sound(loads, lines_of(content))


@given(
    st.lists(NAMES, min_size=1, max_size=4).map(lambda more: [*KINDS, *more]) | st.just([*KINDS]),
    st.lists(st.lists(TEXTS, min_size=4, max_size=7), max_size=5),
    st.data(),
)
def test_a_csv_file(share: Path, header: list[str], rows: list[list[str]], data: st.DataObject) -> None:
    def line(fields: list[str]) -> str:
        return ",".join('"' + field.replace('"', '""') + '"' if set(field) & set('",\r\n') else field for field in fields)

    sound = ["a", "1", "5.00", str(D1), f"{D1} 10:00:00"]
    lines = [header, *(row[: len(header)] for row in rows), *([[*sound, "x"][: len(header)]] * 3)]
    content = data.draw(damaged("\n".join(map(line, lines)).encode("utf-8", "surrogatepass")))
    file = share / "table.csv"
    file.write_bytes(content)
    os.utime(file, (LONG_AGO, LONG_AGO))
    ingest = FilesIngest(kind="files", connection="headline_datashare", pattern="table.csv", format="csv", null_markers=["#N/A"])
    try:
        loads = landed(files.read(ingest, ONE), share)
    except BadData:
        return
    simple = b'"' not in content and b"\r" not in content
    filled = [one for one in content.split(b"\n")[1:] if any(field.strip() for field in one.split(b","))] if simple else []
    if all(one.decode("utf-8", "replace").replace(",", "").strip() for one in filled):
        require_sound(loads, len(filled) if simple else None)


@given(st.lists(objects(), min_size=1, max_size=6), st.data())
def test_a_file_of_many_days(share: Path, records: list[str], data: st.DataObject) -> None:
    file = share / "days.json"
    file.write_bytes(data.draw(damaged("\n".join(records).encode())))
    os.utime(file, (LONG_AGO, LONG_AGO))
    ingest = FilesIngest(kind="files", connection="headline_datashare", pattern="days.json", format="json", day="at")
    try:
        loads = landed(files.read(ingest, ONE), share)
    except BadData:
        return
    require_sound(loads)


@given(st.lists(st.tuples(NAMES, st.sampled_from(["text", "integer", "double", "date", "list"])), max_size=5), st.data())
def test_a_parquet_file(share: Path, columns: list[tuple[str, str]], data: st.DataObject) -> None:
    kinds = {
        "text": pa.array(["a", None]),
        "integer": pa.array([1, 2]),
        "double": pa.array([float("nan"), 2.0]),
        "date": pa.array([D1, D1]),
        "list": pa.array([[1], None]),
    }
    target = io.BytesIO()
    try:
        pq.write_table(pa.table([kinds[kind] for _, kind in columns], names=[name for name, _ in columns]), target)
    except (pa.ArrowException, UnicodeError):
        return
    file = share / "table.parquet"
    file.write_bytes(data.draw(damaged(target.getvalue())))
    os.utime(file, (LONG_AGO, LONG_AGO))
    ingest = FilesIngest(kind="files", connection="headline_datashare", pattern="table.parquet", format="parquet")
    try:
        loads = landed(files.read(ingest, ONE), share)
    except BadData:
        return
    for load in loads:
        names = [name.casefold() for name in pq.ParquetFile(load.file.removeprefix("file://")).schema_arrow.names]
        assert len(set(names)) == len(names)
        assert all(name.strip() for name in names)


INTEGERS = st.one_of(st.integers(-3, 3), st.integers(-(2**63), 2**63 - 1), st.sampled_from([2**31, -(2**31), 10**14]))
# The types that a column of a Parquet file may have, with values that they hold.
COLUMNS = st.one_of(
    st.tuples(st.sampled_from([pa.float64(), pa.float32()]), st.floats(width=32) | st.sampled_from([5.25, 19.5, 1e15])),
    st.tuples(st.just(pa.int64()), INTEGERS),
    st.tuples(st.just(pa.uint64()), st.integers(0, 2**64 - 1)),
    st.tuples(st.just(pa.decimal128(24, 6)), st.decimals(-(10**17), 10**17, places=6) | st.just(Decimal("5.000000"))),
    st.tuples(st.just(pa.decimal256(50, 0)), st.integers(-(10**30), 10**30).map(Decimal)),
    st.tuples(st.just(pa.bool_()), st.booleans()),
    st.tuples(st.sampled_from([pa.string(), pa.large_string(), pa.string_view()]), TEXTS.filter(lambda one: one.isprintable())),
    st.tuples(st.just(pa.binary()), st.binary(max_size=4) | st.just(b"5.00")),
    st.tuples(st.just(pa.date32()), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.sampled_from([pa.timestamp(unit) for unit in ("s", "ms", "us", "ns")]), INTEGERS),
    st.tuples(st.sampled_from([pa.timestamp("us", "UTC"), pa.timestamp("ms", "Asia/Tokyo")]), INTEGERS),
    st.tuples(st.just(pa.list_(pa.int64())), st.lists(st.integers(0, 9), max_size=2)),
    st.tuples(st.just(pa.time64("us")), st.integers(0, 86_399_999_999)),
)


AS_AGREED: dict[str, tuple[pa.DataType, Any] | None] = dict.fromkeys(KINDS)


@example(odd={**AS_AGREED, "id": (pa.date32(), -719163), "day": (pa.uint64(), 1)}, day=None)  # a key in the year 0
@example(odd={**AS_AGREED, "id": (pa.timestamp("s"), 2**50)}, day=None)  # later than DuckDB can tell
@example(odd={**AS_AGREED, "amount": (pa.timestamp("s"), 9_223_372_036_855)}, day=None)
@example(odd={**AS_AGREED, "amount": (pa.string_view(), "5.00")}, day="at")
@example(odd={**AS_AGREED, "day": (pa.date32(), 2**31 - 1)}, day="day")
@given(st.fixed_dictionaries(dict.fromkeys(KINDS, st.none() | COLUMNS)), st.sampled_from([None, None, "day", "at"]))
def test_a_parquet_file_of_any_types(share: Path, odd: dict[str, tuple[pa.DataType, Any] | None], day: str | None) -> None:
    sound = {"id": "a", "quantity": 1, "amount": Decimal("5.00"), "day": D1, "at": datetime(2026, 3, 1, 10)}  # noqa: DTZ001
    columns = {name: pa.array([value, value]) for name, value in sound.items()}
    try:
        columns |= {name: pa.array([None, one[1], None], one[0]).slice(1) for name, one in odd.items() if one}
        pq.write_table(pa.table(columns), share / "typed.parquet")
    except (pa.ArrowException, UnicodeError, OverflowError):
        return  # Parquet has no such value
    os.utime(share / "typed.parquet", (LONG_AGO, LONG_AGO))
    ingest = FilesIngest(kind="files", connection="headline_datashare", pattern="typed.parquet", format="parquet", day=day)
    try:
        [load] = landed(files.read(ingest, ONE), share)
    except Unfit:
        assert day
        return
    if day and not load.row_count:
        return  # of another day
    path = load.file.removeprefix("file://")
    refused = "headline_refusal" in load.columns
    [[total, accepted]] = (
        engine()
        .execute(
            f"select count(*), count(*) filter ({'headline_refusal is null' if refused else 'true'}) from read_parquet('{path}')"
        )
        .fetchall()
    )
    assert total == 2
    rows = engine().execute(f"select {TYPED} from read_parquet('{path}') {'where headline_refusal is null' if refused else ''}")
    assert len(rows.fetchall()) == accepted


@given(st.lists(objects(), max_size=6).flatmap(lambda lines: damaged("\n".join(lines).encode())), st.data())
def test_a_micro_batch_of_a_stream(share: Path, content: bytes, data: st.DataObject) -> None:
    file = share / "events" / f"arrived={D1}" / "0830-1.jsonl.gz"
    file.parent.mkdir(parents=True, exist_ok=True)
    zipped = data.draw(damaged(gzip.compress(content, mtime=0)) | st.just(gzip.compress(content, mtime=0)))
    file.write_bytes(zipped)
    os.utime(file, (LONG_AGO, LONG_AGO))
    pattern = "events/arrived=%Y-%m-%d/%H%M-*.jsonl.gz"
    ingest = StreamIngest(kind="stream", connection="headline_datashare", pattern=pattern, moment="at")
    try:
        loads = landed(stream.read(ingest, ONE), share)
    except BadData:
        return
    try:
        arrived = lines_of(gzip.decompress(zipped))
    except (OSError, EOFError, zlib.error):
        arrived = None
    require_sound(loads, arrived)


@given(st.lists(objects(), max_size=6), st.data())
def test_an_answer_over_http(share: Path, records: list[str], data: st.DataObject) -> None:
    body = data.draw(damaged(('{"data": [' + ", ".join(records) + '], "next": null}').encode()))
    answer = requests.Response()
    answer.status_code, answer.raw = 200, io.BytesIO(body)
    ingest = HttpIngest(
        kind="http", connection="headline_api", path="/orders", records="data", next="next", cursor="cursor", day="at"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(HttpHook, "run", lambda *_, **__: answer)
        try:
            loads = landed(http.read(ingest, ONE), share)
        except HeadlineError:
            return
    require_sound(loads, len(json_text.loads(body.decode(json.detect_encoding(body), "surrogateescape"))["data"]))


NUMBERS = st.sampled_from(["1", "NaN", "infinity", "-infinity", "12345678901234567890.123456789", "0.00001", "-0"])
DATES = st.sampled_from(["2026-03-01", "infinity", "-infinity", "12026-03-01", "0044-03-15 BC", "0001-01-01"])
MOMENTS = st.sampled_from(
    ["2026-03-01 10:00", "infinity", "-infinity", "12026-03-01 10:00", "0044-03-15 10:00 BC", "0001-01-01 00:00"]
)
ROWS = st.tuples(
    NUMBERS, NUMBERS, DATES, MOMENTS, MOMENTS, st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
)


@given(st.lists(ROWS, max_size=8))
def test_a_table_of_a_database(fuzzed: tuple[Any, DatabaseIngest, Path], rows: list[tuple[str, ...]]) -> None:
    cursor, ingest, folder = fuzzed
    cursor.execute("truncate fuzzed")
    for number, row in enumerate(rows):
        cursor.execute("insert into fuzzed values (%s, %s, %s, %s, %s, %s, %s)", (number, *row))
    [load] = landed(database.read(ingest, folder, ONE), folder)
    found = pq.ParquetFile(load.file.removeprefix("file://")).read().to_pylist()
    assert load.row_count == len(rows)
    for row, (_, amount, day, moment, _, _) in zip(sorted(found, key=lambda one: one["id"]), rows, strict=True):
        if row.get("headline_refusal") is None:
            assert not {"infinity", "-infinity", "NaN"} & {day, moment, amount}
        else:
            assert row["headline_origin"] == f"id {row['id']}"
            assert row["headline_text"]
    require_sound([load], len(rows))


@pytest.fixture(scope="module")
def fuzzed(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, DatabaseIngest, Path]]:
    """A table of the types whose values a driver or Arrow may not have, and how it is read."""
    folder = tmp_path_factory.mktemp("database")
    (folder / "fuzzed.extract.sql").write_text(f"select date '{D1}' as ds, * from fuzzed order by id")
    with pytest.MonkeyPatch.context() as patch, closing(psycopg2.connect(host=postgres, user="postgres")) as connection:
        settings = {"conn_type": "postgres", "host": postgres, "login": "postgres", "schema": "postgres"}
        patch.setenv("AIRFLOW_CONN_HEADLINE_FUZZED", json.dumps(settings))
        connection.autocommit = True
        cursor = connection.cursor()
        columns = "id int, free numeric, amount numeric, day date, at timestamp, at_zone timestamptz, name text"
        cursor.execute(f"create table fuzzed ({columns})")
        ingest = DatabaseIngest(kind="database", connection="headline_fuzzed", extract="fuzzed.extract.sql", key=["id"])
        yield cursor, ingest, folder


def test_what_the_fuzz_test_would_find(share: Path) -> None:
    """It counts, and it casts: a file with a lost record, or with a value that cannot be read, does not pass."""
    rows = pa.RecordBatch.from_pylist([dict.fromkeys(KINDS, "x")])
    [load] = LandingWriter("fuzz", "landing.fuzz", "test", None, share / "landing").write([(D1, rows)], ONE)
    with pytest.raises(Exception, match="Could not convert string"):
        require_sound([load])
    with pytest.raises(AssertionError):
        require_sound([], 1)
    assert issubclass(Unfit, BadData)
