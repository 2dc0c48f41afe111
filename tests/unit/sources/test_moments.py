"""Files of a day whose records belong to business days of another zone: every day once, and complete when all of it has come."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headline.errors import Transient
from headline.intervals import DAY, Interval, business_day
from headline.sources import files
from headline.sources.agreed import Agreed
from headline.sources.judged import judged
from headline.sources.landing import Unfit
from headline.specs import FilesIngest

SATURDAY, SUNDAY, MONDAY = date(2026, 6, 6), date(2026, 6, 7), date(2026, 6, 8)
Found = dict[date, list[str]]


class Share:
    """A folder of files by date, each of them a header and lines `id,sold_at`."""

    def __init__(self, folder: Path, use: Callable[[str], None]) -> None:
        self.folder = folder
        self.use = use

    def drop(self, day: date, *lines: str) -> None:
        (self.folder / f"sales_{day}.csv").write_text("\n".join(["id,sold_at", *lines, ""]))

    def read(self, first: date, last: date | None = None, **more: Any) -> Found:
        spec = {"format": "csv", "pattern": "sales_{{ ds }}.csv", "moment": "sold_at", **more}
        ingest = FilesIngest(kind="files", connection="headline_datashare", **spec)
        interval = Interval(first, (last or first) + DAY)
        found: Found = {day: [] for day in interval}
        for day, rows in files.read(ingest, interval):
            found[day] += [str(row.get("id")) for row in judged(rows, Agreed()).to_pylist()]
        return {day: sorted(ids) for day, ids in found.items()}


@pytest.fixture
def share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]) -> Share:
    monkeypatch.setenv(
        "AIRFLOW_CONN_HEADLINE_DATASHARE", json.dumps({"conn_type": "fs", "extra": {"path": f"file://{tmp_path}"}})
    )

    def use(zone: str) -> None:
        monkeypatch.setenv("HEADLINE_REPORTING_ZONE", zone)
        forget_settings()

    use("UTC")
    return Share(tmp_path, use)


def test_a_record_lands_on_the_business_day_of_its_moment(share: Share) -> None:
    """Los Angeles is 7 hours behind: its Saturday ends at 07:00 UTC of Sunday."""
    share.use("America/Los_Angeles")
    share.drop(SATURDAY, "of friday,2026-06-06T06:59:59Z", "first,2026-06-06 07:00:00")
    share.drop(SUNDAY, "last,2026-06-06T23:59:59.5-07:00", "next,2026-06-07T07:00:00Z")
    assert share.read(SATURDAY) == {SATURDAY: ["first", "last"]}
    share.drop(MONDAY, "late evening,2026-06-08T01:00:00Z")
    assert share.read(SUNDAY) == {SUNDAY: ["late evening", "next"]}


def test_a_day_is_not_complete_before_the_last_file_that_it_overlaps(share: Share) -> None:
    share.use("America/Los_Angeles")
    share.drop(SATURDAY, "first,2026-06-06T12:00:00Z")
    with pytest.raises(Transient, match=r"sales_2026-06-07\.csv: is not there yet, and 2026-06-06 is not complete without it"):
        share.read(SATURDAY)
    share.use("Asia/Kolkata")
    with pytest.raises(Transient, match=r"sales_2026-06-05\.csv: is not there yet, and 2026-06-06 is not complete without it"):
        share.read(SATURDAY)
    share.use("UTC")
    assert share.read(SATURDAY) == {SATURDAY: ["first"]}


ZONES = ["UTC", "America/Los_Angeles", "Asia/Tokyo", "Pacific/Kiritimati", "Africa/Cairo", "America/Havana", "Europe/Lisbon"]


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("source_zone", ["UTC", "Australia/Adelaide"])
def test_every_record_stands_on_its_day_once_however_the_days_are_asked_for(share: Share, zone: str, source_zone: str) -> None:
    """Over the days on which clocks change at midnight in Cairo; a file holds what happened on its date in the source's zone."""
    share.use(zone)
    dice = Random(f"{zone} {source_zone}")
    first, last = date(2026, 4, 22), date(2026, 4, 26)
    start = datetime(2026, 4, 20, tzinfo=UTC)
    moments = [start + timedelta(seconds=dice.randrange(9 * 86400)) for _ in range(200)]
    moments += [start + timedelta(hours=hour) for hour in range(9 * 24)]
    by_file: dict[date, list[str]] = {day: [] for day in Interval(date(2026, 4, 19), date(2026, 4, 30))}
    expected: Found = {day: [] for day in Interval(first, last + DAY)}
    for number, moment in enumerate(moments):
        by_file[business_day(moment, source_zone)].append(f"r{number},{moment.isoformat()}")
        expected.setdefault(business_day(moment, zone), []).append(f"r{number}")
    for day, lines in by_file.items():
        share.drop(day, *lines)
    wanted = {day: sorted(expected[day]) for day in Interval(first, last + DAY)}
    assert share.read(first, last, zone=source_zone) == wanted
    days = list(wanted)
    dice.shuffle(days)
    assert {day: ids for one in days for day, ids in share.read(one, zone=source_zone).items()} == wanted


def test_what_the_file_cannot_be_for_stays_on_its_day(share: Share) -> None:
    """Too late, ahead of its time, without a time, with one that nobody can read, no record at all."""
    share.use("America/Los_Angeles")
    odd = ["late,2026-06-05T12:00:00Z", "ahead,2026-06-09T12:00:00Z", "silent,", "wrong,24:61", "none"]
    sound = [f"s{number},2026-06-07T12:00:00Z" for number in range(4)]
    share.drop(SATURDAY, "a,2026-06-06T12:00:00Z")
    share.drop(SUNDAY, *odd, *sound)
    share.drop(MONDAY, "m,2026-06-08T12:00:00Z")
    assert share.read(SATURDAY) == {SATURDAY: ["a"]}
    assert share.read(SUNDAY) == {SUNDAY: ["None", "ahead", "late", "s0", "s1", "s2", "s3", "silent", "wrong"]}


def test_a_late_record_lands_on_its_day_within_the_lookback(share: Share) -> None:
    share.drop(SATURDAY, "in time,2026-06-06T12:00:00Z")
    share.drop(SUNDAY, "a day late,2026-06-06T13:00:00Z", "two days late,2026-06-05T13:00:00Z", "b,2026-06-07T12:00:00Z")
    assert share.read(SATURDAY, lookback_days=1) == {SATURDAY: ["a day late", "in time"]}
    with pytest.raises(Transient, match=r"sales_2026-06-08"):
        share.read(MONDAY, lookback_days=1)
    assert share.read(SUNDAY, lookback_days=1) == {SUNDAY: ["b", "two days late"]}, "Monday's file may bring more, and is not due"
    assert share.read(SATURDAY, SUNDAY, lookback_days=1) == {
        SATURDAY: ["a day late", "in time"],
        SUNDAY: ["b", "two days late"],
    }


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pa.timestamp("us"), datetime(2026, 6, 7, 3)),  # noqa: DTZ001 (a moment without a zone is what is tested)
        (pa.timestamp("ns", "Asia/Tokyo"), datetime(2026, 6, 7, 3, tzinfo=UTC)),
        (pa.int64(), int(datetime(2026, 6, 7, 3, tzinfo=UTC).timestamp())),
        (pa.string(), "2026-06-07T03:00Z"),
        (pa.dictionary(pa.int32(), pa.string()), "2026-06-07T03:00Z"),
    ],
    ids=str,
)
def test_a_parquet_file_tells_moments_in_types_of_its_own(share: Share, kind: pa.DataType, value: Any) -> None:
    share.use("America/Los_Angeles")
    for day, rows in ((SATURDAY, []), (SUNDAY, [value])):
        table = pa.table({"id": pa.array(["x"] * len(rows)), "sold_at": pa.array(rows, kind)})
        pq.write_table(table, share.folder / f"sales_{day}.parquet")
    assert share.read(SATURDAY, pattern="sales_{{ ds }}.parquet", format="parquet") == {SATURDAY: ["x"]}


def test_a_file_in_which_hardly_a_record_tells_its_moment_is_held(share: Share) -> None:
    share.drop(SATURDAY, "a,2026-06-06T12:00:00Z", "b,yesterday", "c,noon")
    with pytest.raises(Unfit, match=r"sales_2026-06-06\.csv: 2 of 3 records have no sold_at with their time"):
        share.read(SATURDAY)
    table = pa.table({"id": ["a"], "sold_at": [[1, 2]]})
    pq.write_table(table, share.folder / f"sales_{SATURDAY}.parquet")
    with pytest.raises(Unfit, match=r"its column sold_at has invalid timestamps"):
        share.read(SATURDAY, pattern="sales_{{ ds }}.parquet", format="parquet")
