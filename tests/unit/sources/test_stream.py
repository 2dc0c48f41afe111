"""Micro-batches: out of order, late, too late, repeated, broken off, of another shape."""

import gzip
import json
import logging
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path
from time import time
from typing import Any

import pyarrow.parquet as pq
import pytest

from headline.errors import BadData, Transient
from headline.intervals import DAY, Interval
from headline.sources import stream
from headline.sources.agreed import Agreed
from headline.sources.judged import judged
from headline.sources.landing import LandingWriter, Unfit
from headline.sources.refused import ORIGIN, REFUSAL, REFUSED_TEXT
from headline.specs import StreamIngest

D1 = date(2026, 3, 1)
D2, D3, D4, D5, D6 = (D1 + DAY * n for n in range(1, 6))
PATTERN = "events/arrived=%Y-%m-%d/%H%M-*.jsonl.gz"

Drop = Callable[..., Path]


def line(event: str, moment: str | None, **more: Any) -> str:
    return json.dumps({"event_id": event, "occurred_at": moment, **more})


@pytest.fixture
def drop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]) -> Drop:
    """Drop a micro-batch of these lines on a day."""
    monkeypatch.setenv(
        "AIRFLOW_CONN_HEADLINE_DATASHARE", json.dumps({"conn_type": "fs", "extra": {"path": f"file://{tmp_path}"}})
    )
    monkeypatch.setenv("HEADLINE_LANDING", f"file://{tmp_path}/landing")
    forget_settings()

    def put(day: date, *lines: str, name: str = "0830-1.jsonl.gz") -> Path:
        file = tmp_path / "events" / f"arrived={day}" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(gzip.compress("".join(f"{text}\n" for text in lines).encode(), mtime=0))
        return file

    return put


def ingest(lookback_days: int = 2) -> StreamIngest:
    return StreamIngest(
        kind="stream", connection="headline_datashare", pattern=PATTERN, moment="occurred_at", lookback_days=lookback_days
    )


def read(first: date = D1, last: date | None = None, lookback_days: int = 2) -> dict[date, list[str]]:
    """The events of each day, by their names and in their order."""
    found: dict[date, list[str]] = {}
    for day, rows in stream.read(ingest(lookback_days), Interval(first, (last or first) + DAY)):
        found.setdefault(day, []).extend(row["event_id"] for row in rows.to_pylist())
    return found


def test_files_of_a_day_in_the_order_of_their_names_and_lines(drop: Drop) -> None:
    drop(D1, line("d", f"{D1}T12:00:00Z"), name="1159-2.jsonl.gz")
    drop(D1, line("c", f"{D1}T12:00:01Z"), line("b", f"{D1}T11:00:00Z"), name="1159-1.jsonl.gz")
    drop(D1, line("a", f"{D1}T00:00:00Z"), name="0029-1.jsonl.gz")
    assert read() == {D1: ["a", "c", "b", "d"]}


def test_values_stay_the_text_that_stood_there(drop: Drop) -> None:
    drop(D1, line("a", f"{D1} 00:00:00", price=1), '{"event_id": "b", "price": 0.10, "tags": ["x"]}', name="0029-1.jsonl.gz")
    drop(D1, line("c", f"{D1}T23:59:59.999Z", extra=None), name="2359-1.jsonl.gz")
    [load] = LandingWriter("app", "landing.events", "test").write(stream.read(ingest(), Interval(D1, D2)), [])
    rows = pq.read_table(load.file.removeprefix("file://"), partitioning=None)
    assert (load.ds, rows.schema.names) == (D1, ["ds", "event_id", "occurred_at", "price", "tags", "extra"])
    assert [list(row.values())[1:] for row in rows.to_pylist()] == [
        ["a", "2026-03-01 00:00:00", "1", None, None],
        ["b", None, "0.10", '["x"]', None],
        ["c", "2026-03-01T23:59:59.999Z", None, None, None],
    ]


def test_late_records_land_in_the_day_they_occurred(drop: Drop) -> None:
    for day in (D1, D2, D3, D4):
        drop(day, line(f"{day.day}, on time", f"{day}T08:00:00Z"), line(f"1, arrived {day.day}", f"{D1}T08:00:00Z"))
    assert read(D1) == {D1: ["1, on time", "1, arrived 1", "1, arrived 2", "1, arrived 3"]}
    assert read(D2) == {D2: ["2, on time"]}


def test_what_comes_too_late_early_or_without_a_time_stays_on_the_day_it_arrived(
    drop: Drop, caplog: pytest.LogCaptureFixture
) -> None:
    for day in (D1, D2, D3):
        drop(day, line(str(day.day), f"{day}T08:00:00Z"))
    drop(D4, line("too late", f"{D1}T23:59:59Z"), line("early", f"{D5}T00:00:00Z"), line("timeless", None), "{}")
    drop(D5, line("5", f"{D5}T08:00:00Z"))
    with caplog.at_level(logging.WARNING):
        assert read(D1, D5) == {D1: ["1"], D2: ["2"], D3: ["3"], D4: ["too late", "early", "timeless", None], D5: ["5"]}
    assert caplog.messages == [f"{PATTERN}: records that belong to no day still open, by day of arrival: {{'2026-03-04': 4}}"]


def test_every_record_stands_on_one_day_however_days_are_read_together(drop: Drop) -> None:
    days = [D1 + DAY * n for n in range(10)]
    for day in days:
        lines = [line(f"{day} {n}", f"{day + DAY * n}T12:00:00Z") for n in range(-5, 3) if day + DAY * n >= D1]
        drop(day, *lines[::2], name="0700-1.jsonl.gz")
        drop(day, *lines[1::2], name="1900-1.jsonl.gz")
    together = read(days[0], days[-1])
    alone = {day: events for one in days for day, events in read(one).items()}
    in_pieces = read(days[0], days[3]) | read(days[4], days[9])
    assert together == alone == in_pieces
    everything = [event for events in together.values() for event in events]
    assert len(everything) == len(set(everything)) == 10 * 8 - (5 + 4 + 3 + 2 + 1)


def test_the_same_arrivals_give_the_same_bytes(drop: Drop) -> None:
    for day in (D1, D2, D3, D4):
        drop(day, line("a", f"{day}T08:00:00Z"), line("b", f"{D1}T08:00:00Z", only_here=1))
    writer = LandingWriter("app", "landing.events", "test")

    def land(interval: Interval) -> dict[date, str]:
        return {load.ds: load.checksum for load in writer.write(stream.read(ingest(), interval), [])}

    together = land(Interval(D1, D4))
    assert together == land(Interval(D1, D2)) | land(Interval(D2, D4))
    assert len(together) == 3


def test_a_business_day_begins_and_ends_in_the_reporting_zone(
    drop: Drop, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    """Clocks in Berlin go forward on 29 March 2026: that day has 23 hours, from 23:00 UTC to 22:00 UTC."""
    monkeypatch.setenv("HEADLINE_REPORTING_ZONE", "Europe/Berlin")
    forget_settings()
    saturday, sunday, monday = date(2026, 3, 28), date(2026, 3, 29), date(2026, 3, 30)
    drop(saturday, line("first of Saturday", "2026-03-27T23:00:00Z"), line("last of Saturday", "2026-03-28T22:59:59Z"))
    drop(saturday, line("first of Sunday", "2026-03-28T23:00:00Z"), name="2300-1.jsonl.gz")
    drop(sunday, line("last of Sunday", "2026-03-29T21:59:59Z"), name="2159-1.jsonl.gz")
    drop(sunday, line("first of Monday", "2026-03-29T22:00:00Z"), name="2200-1.jsonl.gz")
    drop(monday, line("Saturday, just in time", "2026-03-28T08:00:00Z"), name="2159-1.jsonl.gz")
    drop(monday, line("Saturday, too late", "2026-03-28T08:00:00Z"), name="2200-1.jsonl.gz")
    assert read(saturday) == {saturday: ["first of Saturday", "last of Saturday", "Saturday, just in time"]}
    assert read(sunday, monday) == {sunday: ["first of Sunday", "last of Sunday"], monday: ["first of Monday"]}
    assert read(monday + DAY) == {monday + DAY: ["Saturday, too late"]}


@pytest.mark.parametrize("others", [[], [D2]], ids=["at all", "on that day"])
def test_nothing_that_arrives_is_worth_another_try(drop: Drop, others: list[date]) -> None:
    for day in others:
        drop(day, line("a", f"{D1}T08:00:00Z"))
    with pytest.raises(Transient, match="no file has arrived on 2026-03-01"):
        read()


LEFT = ("Thumbs.db", "desktop.ini", "~$0830-1.jsonl.gz", "0830-1.jsonl.gz~", "0830-1.jsonl.gz.bak", "0830-1.jsonl.gz.lock")


def test_files_on_their_way_are_left_alone(drop: Drop) -> None:
    drop(D1, line("a", f"{D1}T08:00:00Z"))
    for name in (
        ".0900-1.jsonl.gz.part",
        "0900-1.jsonl.gz.filepart",
        "0830-1.jsonl.gz.md5",
        "0900-1.jsonl.gz.TMP",
        "_SUCCESS",
        *LEFT,
    ):
        drop(D1, name=name).write_bytes(b"half")
    assert read() == {D1: ["a"]}


@pytest.mark.parametrize("name", ["0830.jsonl.gz", "2430-1.jsonl.gz", "0860-1.jsonl.gz", "0830-1.json", "events.jsonl.gz"])
def test_a_file_of_another_name_is_bad_data_once_it_is_at_rest(drop: Drop, name: str) -> None:
    file = drop(D1, line("a", f"{D1}T08:00:00Z"), name=name)
    with pytest.raises(Transient, match=rf"{name}: is not named like .*; it may be still arriving under another name"):
        read()
    os.utime(file, (time() - 3600, time() - 3600))
    with pytest.raises(BadData, match=rf"arrived=2026-03-01/{name}: is not named like %H%M-\*\.jsonl\.gz"):
        read()


@pytest.mark.parametrize("keep", [0, 5, 0.5, -9, -1])
def test_a_file_that_breaks_off_is_worth_another_try(drop: Drop, keep: float) -> None:
    file = drop(D1, *(line(os.urandom(9).hex(), f"{D1}T08:00:00Z") for _ in range(50)))
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * keep) if 0 < keep < 1 else int(keep)])
    with pytest.raises(Transient, match=r"arrived=2026-03-01/0830-1\.jsonl\.gz: cannot be read as a whole gzip file"):
        read()
    os.utime(file, (time() - 3600, time() - 3600))
    with pytest.raises(BadData, match=r"0830-1\.jsonl\.gz: cannot be read as a whole gzip file.*ask its sender"):
        read()


def test_what_follows_the_gzip_data_is_refused_and_the_rest_is_read(drop: Drop) -> None:
    file = drop(D1, line("a", f"{D1}T08:00:00Z"))
    file.write_bytes(file.read_bytes() + gzip.compress(line("b", f"{D1}T08:00:00Z").encode()) + b"junk")
    [rows] = [rows.to_pylist() for _, rows in stream.read(ingest(), Interval(D1, D2))]
    assert [(row["event_id"], row[REFUSAL]) for row in rows] == [("a", None), ("b", None), (None, "unreadable_record")]
    file.write_bytes(file.read_bytes().removesuffix(b"junk") + b"\0" * 9)
    assert read() == {D1: ["a", "b"]}


def test_a_file_that_is_no_gzip_is_worth_another_try(drop: Drop) -> None:
    drop(D1).write_text(line("a", f"{D1}T08:00:00Z"))
    with pytest.raises(Transient, match="cannot be read as a whole gzip file"):
        read()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"event_id": ', "unreadable_record"),
        (b"[1]", "unreadable_record"),
        (b"null", "unreadable_record"),
        (b'{"event_id": "\xff"}', "unreadable_record"),
        (b"[" * 100_000, "unreadable_record"),
        (b'{"event_id": "x", "event_id": "y"}', "repeated_key"),
        (b'{"occurred_at": "yesterday"}', "invalid_occurred_at"),
        (b'{"occurred_at": 12}', "invalid_occurred_at"),
        (b'{"occurred_at": "0001-01-01T00:00:00+14:00"}', "invalid_occurred_at"),
        (b'{"occurred_at": "2026-03-01T08:00:60Z"}', "invalid_occurred_at"),
    ],
    ids=lambda value: value[:40].decode("latin-1") if isinstance(value, bytes) else value,
)
def test_a_line_that_cannot_be_read_is_refused_by_itself(drop: Drop, bad: bytes, reason: str) -> None:
    good = line("a", f"{D1}T08:00:00Z").encode()
    drop(D1).write_bytes(gzip.compress(b"\n".join([good, b"", bad, good])))
    agreed = Agreed({"occurred_at": {"timestamp"}})
    rows = [row for _, part in stream.read(ingest(), Interval(D1, D2)) for row in judged(part, agreed).to_pylist()]
    assert [row[REFUSAL] for row in rows] == [None, reason, None]
    assert rows[1][ORIGIN] == "0830-1.jsonl.gz line 3"
    assert rows[1][REFUSED_TEXT]


def test_the_same_moment_in_any_spelling_is_one_moment(drop: Drop) -> None:
    spellings = ("T10:00:00+02:00", "T10:00+0200", " 08:00:00Z", "T08:00:00,000z", "T08:00:00", "T03:00-05")
    drop(D1, *(line(str(n), f"{D1}{spelling}") for n, spelling in enumerate(spellings)))
    agreed = Agreed({"occurred_at": {"timestamp"}})
    rows = [row for _, part in stream.read(ingest(), Interval(D1, D2)) for row in judged(part, agreed).to_pylist()]
    assert {row["occurred_at"] for row in rows} == {f"{D1} 08:00:00"}


def test_moments_that_are_mostly_none_are_handed_over_to_be_kept(drop: Drop) -> None:
    drop(D1, *(json.dumps({"event_id": str(n), "occurred_at": 1772352000 + n}) for n in range(3)), line("a", f"{D1}T08:00:00Z"))
    drop(D1, line("b", f"{D1}T09:00:00Z"), name="0930-1.jsonl.gz")
    told = r"arrived=2026-03-01: 3 of 5 lines are no records with a occurred_at: the occurred_at of line 1 of 0830-1\.jsonl\.gz"
    with pytest.raises(Unfit, match=told) as raised:
        read()
    [(day, rows)] = raised.value.parts
    assert (day, rows.column("event_id").to_pylist()) == (D1, ["0", "1", "2", "a", "b"])


def test_one_file_in_another_form_holds_up_none_of_the_others(drop: Drop) -> None:
    drop(D1, *(line(str(n), f"{D1}T08:00:00Z") for n in range(9)))
    file = drop(D1, name="0930-1.jsonl.gz")
    file.write_bytes(gzip.compress((line("x", f"{D1}T09:00:00Z") + "\n").encode("utf-16")))
    refused = [row.get(REFUSAL) for _, rows in stream.read(ingest(), Interval(D1, D2)) for row in rows.to_pylist()]
    assert refused == [None] * 9 + ["unreadable_record"] * 2


def test_a_folder_in_the_place_of_a_file_is_bad_data(drop: Drop) -> None:
    file = drop(D1, name="0830-1.jsonl.gz")
    file.unlink()
    file.mkdir()
    with pytest.raises(BadData, match=r"0830-1\.jsonl\.gz: is a folder, where a file is expected"):
        read()
