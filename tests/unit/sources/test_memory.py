"""However much a source sends, few of its records are in memory at once."""

import gzip
import io
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
from airflow.providers.http.hooks.http import HttpHook

from headline.errors import BadData, Transient
from headline.intervals import DAY, Interval
from headline.sources import answers, csv_lines, files, http, parquet, records, stream, text, text_lines
from headline.sources.landing import LandingWriter, Part
from headline.sources.refused import REFUSAL
from headline.specs import FilesIngest, HttpIngest, StreamIngest

D1 = date(2026, 3, 1)
ONE = Interval(D1, D1 + DAY)
COUNT, AT_A_TIME = 5_000, 200
SOURCES = ["csv", "csv of many days", "json", "stream", "http"]


class Record(dict[str, Any]):
    """A record that is counted for as long as somebody has it."""

    now = most = 0

    def __init__(self, *fields: Any) -> None:
        super().__init__(*fields)
        Record.now += 1
        Record.most = max(Record.most, Record.now)

    def __del__(self) -> None:
        Record.now -= 1


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    connection = {"conn_type": "fs", "extra": {"path": f"file://{tmp_path}"}}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_DATASHARE", json.dumps(connection))
    return tmp_path


def sent(source: str, lines: list[str], folder: Path, patch: pytest.MonkeyPatch) -> Iterator[Part]:
    if source == "http":
        answer = requests.Response()
        answer.status_code = 200
        answer.raw = io.BytesIO(f'{{"data": [{", ".join(lines)}], "next": null}}'.encode())
        patch.setattr(HttpHook, "run", lambda *_, **__: answer)
        page = {"records": "data", "next": "next", "cursor": "cursor", "day": "day"}
        return http.read(HttpIngest(kind="http", connection="headline_api", path="/orders", **page), ONE)
    written = "\n".join([*lines, ""]).encode()
    if source == "stream":
        file = folder / "events" / f"arrived={D1}" / "0830-1.jsonl.gz"
        file.parent.mkdir(parents=True)
        file.write_bytes(gzip.compress(written))
        pattern = "events/arrived=%Y-%m-%d/%H%M-*.jsonl.gz"
        return stream.read(StreamIngest(kind="stream", connection="headline_datashare", pattern=pattern, moment="at"), ONE)
    (folder / "table").write_bytes(written)
    day = "day" if source == "csv of many days" else None
    kind = source.partition(" ")[0]
    return files.read(FilesIngest(kind="files", connection="headline_datashare", pattern="table", format=kind, day=day), ONE)


def lines_of(source: str, days: list[str]) -> list[str]:
    """A record for each of these days, as a source writes it."""
    if source.startswith("csv"):
        return ["id,day,at", *(f"{number},{day},{D1}T10:00:00Z" for number, day in enumerate(days))]
    return [json.dumps({"id": str(number), "day": day, "at": f"{D1}T10:00:00Z"}) for number, day in enumerate(days)]


@pytest.mark.parametrize("source", SOURCES)
def test_so_many_records_are_in_memory_at_once(source: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text.chunks, "__defaults__", (AT_A_TIME,))
    monkeypatch.setattr(http, "PIECE", 4096)
    record_of = records.record_of
    for module in (csv_lines, http, records):
        monkeypatch.setattr(module, "record_of", lambda *what: Record(record_of(*what)))
    Record.now = Record.most = 0
    [load] = LandingWriter("x", "landing.x", "test", root=folder / "landing").write(
        sent(source, lines_of(source, [str(D1)] * COUNT), folder, monkeypatch), ONE
    )
    assert load.row_count == COUNT
    assert AT_A_TIME <= Record.most <= 3 * AT_A_TIME


def test_an_answer_is_read_as_its_records_are_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text.chunks, "__defaults__", (AT_A_TIME,))
    monkeypatch.setattr(http, "PIECE", 4096)
    lines = lines_of("http", [str(D1)] * COUNT)
    parts = sent("http", lines, folder, monkeypatch)
    day, rows = next(parts)
    assert (day, rows.num_rows) == (D1, AT_A_TIME)
    body = HttpHook.run().raw  # type: ignore[call-arg]
    assert body.tell() < 3 * AT_A_TIME * len(lines[0])
    assert sum(rows.num_rows for _, rows in parts) == COUNT - AT_A_TIME


def test_records_whose_day_nobody_can_tell_come_in_parts_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text.chunks, "__defaults__", (AT_A_TIME,))
    source = "csv of many days"
    parts = list(sent(source, lines_of(source, ["some day", str(D1), str(D1)] * 500), folder, monkeypatch))
    assert max(rows.num_rows for _, rows in parts) <= AT_A_TIME
    refused = [row for _, rows in parts for row in rows.to_pylist() if row.get(REFUSAL)]
    assert [row["id"] for row in refused] == [str(number) for number in range(0, 1500, 3)]


@pytest.mark.parametrize("source", ["csv", "json", "stream"])
def test_a_line_that_seems_never_to_end_is_refused_by_itself(source: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (stream, text_lines):
        monkeypatch.setattr(module, "LONGEST_RECORD", 1000)
    first, *lines = lines_of(source, [str(D1)] * 5)
    long = lines[-1].replace(str(D1), "x" * 3000, 1)
    parts = sent(source, [first, long, *lines], folder, monkeypatch)
    rows = [row for _, rows in parts for row in rows.to_pylist()]
    reason = "wrong_field_count" if source == "csv" else "unreadable_record"
    assert sorted(str(row.get(REFUSAL)) for row in rows) == ["None"] * (len(rows) - 1) + [reason]
    assert len(rows) == 6


@pytest.mark.parametrize("source", ["csv", "json", "stream", "parquet"])
def test_a_file_that_grows_while_it_is_read_is_awaited(source: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text.chunks, "__defaults__", (AT_A_TIME,))
    if source == "parquet":
        file = folder / "table"
        pq.write_table(pa.table({"id": [str(number) for number in range(500)]}), file)
        monkeypatch.setattr(parquet, "ROWS_AT_A_TIME", AT_A_TIME)
        ingest = FilesIngest(kind="files", connection="headline_datashare", pattern="table", format="parquet")
        parts = files.read(ingest, ONE)
    else:
        parts = sent(source, lines_of(source, [str(D1)] * 500), folder, monkeypatch)
        file = next(folder.rglob("0830*") if source == "stream" else folder.glob("table"))
    next(parts)
    with file.open("ab") as more:
        more.write(gzip.compress(b"{}\n") if source == "stream" else b"\n")
    with pytest.raises(Transient, match="still arriving"):
        list(parts)


def test_a_record_of_an_answer_that_never_ends_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "LONGEST_RECORD", 1000)
    monkeypatch.setattr(http, "PIECE", 100)
    lines = lines_of("http", [str(D1), "x" * 9000, str(D1)])
    with pytest.raises(BadData, match=r"/orders.*longer than 1000 characters"):
        list(sent("http", lines, folder, monkeypatch))
