"""Bounded: whatever a source sends and whatever days somebody types, a run ends before memory or disk do."""

from __future__ import annotations

import gzip
import json
import re
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headline.errors import BadData, BadRequest
from headline.intervals import DAY, Interval
from headline.operators.context import requested
from headline.pages import answers
from headline.pages.again import Form, checked
from headline.sources import bounds, database, files, http, parquet, spool, stream, text
from headline.sources.landing import LandingWriter, Part
from headline.sources.text import batch
from headline.specs import DatabaseIngest, FilesIngest, HttpIngest, StreamIngest

D1 = date(2026, 3, 2)
ONE, TWO = Interval(D1, D1 + DAY), Interval(D1, D1 + 2 * DAY)
MEGABYTE = 2**20
ORDERS = HttpIngest(
    kind="http", connection="headline_api", path="/orders", records="data", next="next", cursor="cursor", day="day"
)
CLICKS = StreamIngest(kind="stream", connection="headline_drop", pattern="clicks/arrived=%Y-%m-%d/%H%M-*.jsonl.gz", moment="at")


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]) -> Callable[..., None]:
    """Set limits, as HEADLINE_MOST_… would."""

    def set_to(**limits: int) -> None:
        for name, value in limits.items():
            monkeypatch.setenv(f"HEADLINE_MOST_{name.upper()}", str(value))
        forget_settings()

    return set_to


@pytest.fixture
def drop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    connection = {"conn_type": "fs", "extra": {"path": f"file://{tmp_path}/drop"}}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_DROP", json.dumps(connection))
    monkeypatch.setenv("HEADLINE_LANDING", f"file://{tmp_path}/landing")
    return tmp_path / "drop"


@contextmanager
def memory_of(most: int) -> Iterator[None]:
    """No more than so many bytes are held at once."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < most, f"{peak:,} bytes at once"


@contextmanager
def resident_memory_of(most: int) -> Iterator[None]:
    """The process grows by no more than so many bytes, whoever allocates them."""
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    before = resident("VmRSS")
    yield
    grown = resident("VmHWM") - before
    assert grown < most, f"{grown:,} bytes at once"


def resident(what: str) -> int:
    [kilobytes] = re.findall(rf"{what}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(kilobytes) * 1024


@contextmanager
def service(monkeypatch: pytest.MonkeyPatch, answer: Callable[[BaseHTTPRequestHandler], None]) -> Iterator[list[str]]:
    """A service; gives what it has been asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            with suppress(ConnectionError):
                answer(self)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    connection = {"conn_type": "http", "host": "http://127.0.0.1", "port": server.server_port}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_API", json.dumps(connection))
    yield asked
    server.shutdown()
    server.server_close()


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def land(parts: Iterator[Part], days: Interval = ONE) -> list[Any]:
    return LandingWriter("shop", "landing.orders", "test").write(parts, days)


def bomb(size: int) -> bytes:
    """Few bytes that expand to many."""
    return gzip.compress(b"\0" * size)


def test_a_file_that_expands_too_many_times_its_size_is_refused(drop: Path, limit: Callable[..., None]) -> None:
    limit(expansion=100)
    file = drop / "clicks" / f"arrived={D1}" / "0830-1.jsonl.gz"
    file.parent.mkdir(parents=True)
    file.write_bytes(bomb(100 * MEGABYTE))
    assert file.stat().st_size < MEGABYTE // 5
    with memory_of(90 * MEGABYTE), pytest.raises(BadData) as refused:
        land(stream.read(CLICKS, ONE))
    assert all(word in str(refused.value) for word in (str(file), "100 times", "HEADLINE_MOST_EXPANSION", "nothing was loaded"))


def test_a_file_that_expands_to_too_much_is_refused(drop: Path, limit: Callable[..., None]) -> None:
    limit(bytes=100_000)
    file = drop / "clicks" / f"arrived={D1}" / "0830-1.jsonl.gz"
    file.parent.mkdir(parents=True)
    line = json.dumps({"at": f"{D1}T08:00:00Z", "note": "x" * 100})
    file.write_bytes(gzip.compress("\n".join([line] * 2000).encode()))
    with pytest.raises(BadData, match=r"0830-1.*more than 100,000 bytes.*HEADLINE_MOST_BYTES"):
        land(stream.read(CLICKS, ONE))


def test_an_http_answer_that_expands_too_many_times_its_size_is_refused(
    monkeypatch: pytest.MonkeyPatch, limit: Callable[..., None]
) -> None:
    limit(expansion=20)
    monkeypatch.setattr(bounds, "FREE_BYTES", MEGABYTE)
    body = bomb(100 * MEGABYTE)
    with service(monkeypatch, lambda handler: send(handler, body, Content_Encoding="gzip")):  # noqa: SIM117
        with memory_of(90 * MEGABYTE), pytest.raises(BadData, match=r"/orders.*(HEADLINE_MOST_EXPANSION|longer than)"):
            list(http.read(ORDERS, ONE))
    records = gzip.compress(b'{"data": [' + b'{"day": "2026-03-02"},\n' * 500_000 + b'{}], "next": null}')
    with service(monkeypatch, lambda handler: send(handler, records, Content_Encoding="gzip")):  # noqa: SIM117
        with memory_of(90 * MEGABYTE), pytest.raises(BadData, match=r"/orders.*HEADLINE_MOST_EXPANSION"):
            for _ in http.read(ORDERS, ONE):
                pass


def test_a_cursor_without_end_is_refused(monkeypatch: pytest.MonkeyPatch, limit: Callable[..., None]) -> None:
    limit(pages=10)
    pages = iter(range(1000))
    page = lambda: {"data": [{"day": str(D1)}] * 5, "next": f"{next(pages)}{'x' * 1000}"}  # noqa: E731
    with service(monkeypatch, lambda handler: send(handler, json.dumps(page()).encode())) as asked:
        with pytest.raises(BadData, match=r"/orders: no end after 20 pages for 2 day\(s\).*HEADLINE_MOST_PAGES"):
            list(http.read(ORDERS, TWO))
        assert len(asked) == 20


def test_of_an_endless_refusal_only_the_beginning_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        send(handler, b"the reason is ", 400)
        for _ in range(2000):
            handler.wfile.write(b"long " * 20_000)

    with (
        service(monkeypatch, endless),
        memory_of(20 * MEGABYTE),
        pytest.raises(BadRequest, match=r"refused with 400.*the reason is long"),
    ):
        list(http.read(ORDERS, ONE))


def rows(count: int, text: str = "") -> Iterator[Part]:
    for number in range(0, count, 100):
        yield D1, batch({"key": str(number + one), "text": text} for one in range(100))


def test_too_many_rows_are_refused_and_leave_nothing(drop: Path, tmp_path: Path, limit: Callable[..., None]) -> None:
    limit(rows=500)
    with pytest.raises(BadData, match=r"landing.orders: .* more than 500 rows for 1 day\(s\); nothing.*HEADLINE_MOST_ROWS"):
        land(rows(1000))
    assert not (tmp_path / "landing").exists()
    assert sum(load.row_count for load in land(rows(1000), TWO)) == 1000, "two days may have twice as many"


def test_too_many_bytes_are_refused_and_leave_nothing(drop: Path, tmp_path: Path, limit: Callable[..., None]) -> None:
    limit(bytes=100_000)
    with pytest.raises(BadData, match=r"landing.orders: .* more than 100,000 bytes .*HEADLINE_MOST_BYTES"):
        land(rows(1000, "x" * 1000))
    assert not (tmp_path / "landing").exists()


def test_parquet_that_expands_too_many_times_its_size_is_refused(drop: Path, limit: Callable[..., None]) -> None:
    limit(expansion=100)
    drop.mkdir()
    table = pa.table({"key": pa.array(["a" * 1000] * 40_000)})
    pq.write_table(table, drop / "orders.parquet", compression="zstd", use_dictionary=False)
    ingest = FilesIngest(kind="files", connection="headline_drop", pattern="orders.parquet", format="parquet")
    with pytest.raises(BadData, match=r"orders\.parquet.*HEADLINE_MOST_EXPANSION"):
        list(files.read(ingest, ONE))


LONG = "a" * (MEGABYTE // 8)
REPEATED = {
    "a text": pa.array([LONG]).dictionary_encode(),
    "texts in a list": pa.array([[LONG]]),
    "a text in an object": pa.array([{"of": LONG}]),
    "a list of bytes": pa.array([LONG.encode()]),
    "bytes of one length": pa.array([LONG.encode()], pa.binary(len(LONG))),
}
PARQUET = FilesIngest(kind="files", connection="headline_drop", pattern="orders.parquet", format="parquet")


def repeated(drop: Path, what: str, count: int) -> Path:
    """A small file of many rows, in each of which the same long text stands."""
    drop.mkdir()
    if what == "a text by what differs":
        table = pa.table({"text": [f"{LONG}{number}" for number in range(count)]})
        pq.write_table(table, drop / "orders.parquet", use_dictionary=False, column_encoding={"text": "DELTA_BYTE_ARRAY"})
    else:
        schema = pa.schema([("text", REPEATED[what].type)])
        with pq.ParquetWriter(drop / "orders.parquet", schema) as writer:
            part = pa.table([REPEATED[what].take(pa.array([0] * 40))], schema=schema)
            writer.write_table(pa.concat_tables([part] * (count // 40)), row_group_size=count)
    assert (drop / "orders.parquet").stat().st_size < MEGABYTE
    return drop / "orders.parquet"


# What is read in parts of 1 MB may take; what the tests send takes 60 MB at least once.
ENOUGH = 52 * MEGABYTE


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that little shows whether all of it is in memory at once."""
    for module in (database, parquet, spool, text):
        monkeypatch.setattr(module, "BYTES_AT_A_TIME", MEGABYTE)
    monkeypatch.setattr(spool, "BUFFER_BYTES", 2 * MEGABYTE)


@pytest.mark.parametrize("what", [*REPEATED, "a text by what differs"])
@pytest.mark.usefixtures("small_parts")
def test_parquet_that_repeats_a_long_text_is_refused(drop: Path, limit: Callable[..., None], what: str) -> None:
    file = repeated(drop, what, 480)
    limit(expansion=20 * MEGABYTE // file.stat().st_size)
    with resident_memory_of(ENOUGH), pytest.raises(BadData, match=r"orders\.parquet.*HEADLINE_MOST_EXPANSION"):
        land(files.read(PARQUET, ONE))


@pytest.mark.parametrize("what", [*REPEATED, "a text by what differs"])
@pytest.mark.usefixtures("small_parts")
def test_long_rows_of_parquet_are_read_a_few_at_a_time(drop: Path, limit: Callable[..., None], what: str) -> None:
    repeated(drop, what, 480)
    limit(expansion=10**9)
    with resident_memory_of(ENOUGH):
        assert [load.row_count for load in land(files.read(PARQUET, ONE))] == [480]


@pytest.mark.usefixtures("small_parts")
def test_long_rows_of_a_database_are_read_a_few_at_a_time(
    drop: Path, tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = {"conn_type": "postgres", "host": postgres, "login": "postgres", "schema": "postgres"}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_SOURCE", json.dumps(connection))
    ingest = DatabaseIngest(kind="database", connection="headline_source", extract="orders.extract.sql")
    (tmp_path / ingest.extract).write_text(
        f"select date '{D1}' as ds, number, repeat('a', case when number > 2000 then {len(LONG)} else 1 end) as text "
        "from generate_series(1, 2480) as number"
    )
    with resident_memory_of(ENOUGH):
        assert [load.row_count for load in land(database.read(ingest, tmp_path, ONE))] == [2480]


@pytest.mark.parametrize("source", ["json", "stream", "http"])
@pytest.mark.usefixtures("small_parts")
def test_long_records_are_read_a_few_at_a_time(drop: Path, monkeypatch: pytest.MonkeyPatch, source: str) -> None:
    line = json.dumps({"at": f"{D1}T08:00:00Z", "day": str(D1), "note": {"of": [LONG]}})
    whole = "\n".join([json.dumps({"at": f"{D1}T08:00:00Z", "day": str(D1), "note": "short"})] * 500 + [line] * 480)
    if source == "json":
        drop.mkdir()
        (drop / "orders").write_text(f"{whole}\n")
        ingest = FilesIngest(kind="files", connection="headline_drop", pattern="orders", format="json")
        parts = lambda: files.read(ingest, ONE)  # noqa: E731
    elif source == "stream":
        file = drop / "clicks" / f"arrived={D1}" / "0830-1.jsonl.gz"
        file.parent.mkdir(parents=True)
        file.write_bytes(gzip.compress(whole.encode(), 0))
        parts = lambda: stream.read(CLICKS, ONE)  # noqa: E731
    else:
        parts = lambda: http.read(ORDERS, ONE)  # noqa: E731
    page = b'{"data": [%s], "next": null}' % ",".join(whole.splitlines()).encode()
    del whole
    with service(monkeypatch, lambda handler: send(handler, page)), resident_memory_of(ENOUGH):
        assert [load.row_count for load in land(parts())] == [980]


def test_a_small_file_may_expand_by_any_factor(drop: Path, limit: Callable[..., None]) -> None:
    limit(expansion=2)
    file = drop / "clicks" / f"arrived={D1}" / "0830-1.jsonl.gz"
    file.parent.mkdir(parents=True)
    file.write_bytes(gzip.compress((json.dumps({"at": f"{D1}T08:00:00Z"}) + "\n").encode() * 500))
    assert bounds.FREE_BYTES > 500 * 20
    assert [load.row_count for load in land(stream.read(CLICKS, ONE))] == [500]


NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
# From and to, and what is wrong with them: all slips of a finger.
TYPOS = [
    ("2016-03-09", "2026-03-09", "3,653 days, and one run has 400 at most"),
    ("2025-01-01", "2026-03-09", "433 days, and one run has 400 at most"),
    ("2026-03-09", "2036-03-09", "has not ended yet"),
    ("0206-03-09", "2026-03-09", "lies before 2010-01-01"),
    ("1926-03-09", None, "lies before 2010-01-01"),
    ("2026-03-09", "2025-03-09", "before it begins"),
    ("2026-3-9", None, "is no day"),
]


@pytest.fixture
def first_day(monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]) -> None:
    monkeypatch.setenv("HEADLINE_FIRST_DAY", "2010-01-01")
    forget_settings()


def asked_for(first: str, last: str | None) -> Interval:
    run = SimpleNamespace(run_type="manual", data_interval_start=None, data_interval_end=None, run_after=NOW)
    return requested({"params": {"from": first, "to": last}, "dag_run": run}, NOW)


@pytest.mark.parametrize(("first", "last", "told"), TYPOS)
@pytest.mark.usefixtures("first_day")
def test_days_that_no_run_may_have_are_refused_before_anything_lands(first: str, last: str | None, told: str) -> None:
    with pytest.raises(BadRequest, match=told):
        asked_for(first, last)
    with pytest.raises(BadRequest, match=told):
        checked(Form(what="again", first=first, last=last or ""), NOW.date())


@pytest.mark.usefixtures("first_day")
def test_a_run_of_the_most_days_allowed_is_accepted() -> None:
    assert len(asked_for(str(date(2026, 3, 9) - timedelta(days=399)), "2026-03-09")) == 400


@pytest.mark.usefixtures("first_day")
@pytest.mark.parametrize(
    ("first", "last", "setting"), [("2016-01-01", "2026-01-01", "HEADLINE_MOST_DAYS"), ("1926-01-01", "", "HEADLINE_FIRST_DAY")]
)
def test_the_command_is_refused_days_before_a_run_starts(first: str, last: str, setting: str) -> None:
    somebody: Any = SimpleNamespace(must_trigger=lambda _dag_id: None)
    with pytest.raises(BadRequest, match=setting):
        answers.order(somebody, ["shop"], first, last)
