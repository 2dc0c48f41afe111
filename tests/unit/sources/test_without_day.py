"""A record without a day stands on the day on which it was first read, and is no other record on the next."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg2
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headline.intervals import DAY, Interval
from headline.ledger import Load
from headline.sources import database
from headline.sources.landing import NO_DAY, LandingWriter
from headline.sources.refused import NO_BUSINESS_DAY, ORIGIN, REFUSAL, REFUSED_TEXT, refused
from headline.sources.without_day import WithoutDay
from headline.specs import DatabaseIngest

D1, D2, D3, D4 = (date(2026, 3, 1) + DAY * number for number in range(4))


def rows(found: Sequence[dict[str, Any]]) -> pa.RecordBatch:
    """Records without a day, as a source gives them."""
    names = list(dict.fromkeys(name for one in found for name in one))
    records = [one | refused(NO_BUSINESS_DAY, "null", "somewhere") for one in found]
    return pa.RecordBatch.from_pydict(
        {name: pa.array([one.get(name) for one in records]) for name in [*names, REFUSAL, REFUSED_TEXT, ORIGIN]}
    )


class Landed:
    """What has landed so far: by day the newest load."""

    def __init__(self, folder: Path, key: Sequence[str]) -> None:
        self._folder, self._key = folder, key
        self.loads: dict[date, Load] = {}

    def read(self, days: Interval, found: Sequence[dict[str, Any]], newest: date | None) -> None:
        without_day = WithoutDay(lambda: list(self.loads.values()), self._key, newest)
        writer = LandingWriter("shop", "landing.orders", "test", root=self._folder, without_day=without_day)
        self.loads |= {load.ds: load for load in writer.write([(NO_DAY, rows(found))] if found else [], days)}

    def ids(self) -> dict[int, list[str]]:
        files = {day: pq.ParquetFile(load.file.removeprefix("file://")).read() for day, load in self.loads.items()}
        return {day.day: table.column("id").to_pylist() for day, table in files.items() if table.num_rows}


def test_it_stays_where_it_was_first_read_and_lands_nowhere_else(tmp_path: Path) -> None:
    landed = Landed(tmp_path, ["id"])
    landed.read(Interval(D1, D3), [{"id": "a", "price": 1}], D2)
    assert landed.ids() == {2: ["a"]}
    before = landed.loads[D2].checksum
    landed.read(Interval(D2, D4), [{"id": "a", "price": 2}, {"id": "b", "price": 1}], D3)
    assert landed.ids() == {2: ["a"], 3: ["b"]}
    assert landed.loads[D2].checksum != before, "it is the newest version of it"
    landed.read(Interval(D4, D4 + DAY), [{"id": "a", "price": 2}, {"id": "b", "price": 1}], D4)
    assert landed.ids() == {2: ["a"], 3: ["b"]}
    landed.read(Interval(D2, D4), [{"id": "b", "price": 1}], D3)
    assert landed.ids() == {3: ["b"]}, "the source has given it a day"


def test_one_without_its_key_is_told_by_what_it_says(tmp_path: Path) -> None:
    landed = Landed(tmp_path, ["id", "line"])
    found = [
        {"id": None, "line": 1, "price": "19.90"},
        {"id": None, "line": 1, "price": "29.90"},
        {"id": "a", "line": None, "price": "19.90"},
    ]
    landed.read(Interval(D1, D2), found[:2], D1)
    landed.read(Interval(D1, D3), [*found, {"id": "a", "line": 1, "price": "19.90"}], D2)
    assert landed.ids() == {1: [None, None], 2: ["a", "a"]}


def test_one_that_says_nothing_is_no_other_and_is_never_left_out(tmp_path: Path) -> None:
    landed = Landed(tmp_path, ["id"])
    landed.read(Interval(D1, D2), [{"id": None}, {"id": None}], D1)
    assert landed.ids() == {1: [None, None]}
    landed.read(Interval(D2, D4), [{"id": None}], D3)
    assert landed.ids() == {1: [None, None], 3: [None]}


def test_who_only_compares_adds_none(tmp_path: Path) -> None:
    landed = Landed(tmp_path, [])
    landed.read(Interval(D1, D2), [{"id": "order 7"}], D1)
    landed.read(Interval(D1, D3), [{"id": "order 7"}, {"id": "b"}], None)
    assert landed.ids() == {1: ["order 7"]}


def test_where_its_file_is_damaged_it_counts_as_new(tmp_path: Path) -> None:
    landed = Landed(tmp_path, ["id"])
    landed.read(Interval(D1, D2), [{"id": "a"}], D1)
    Path(landed.loads[D1].file.removeprefix("file://")).write_bytes(b"PAR1")
    landed.read(Interval(D2, D3), [{"id": "a"}], D2)
    assert landed.loads[D2].row_count == 1


EXTRACT = """
{% from 'macros/extract.jinja' import business_day, in_interval with context %}
select {{ business_day('happened_at') }} as ds, id, happened_at from happenings
where {{ in_interval('happened_at') }} order by ds, id
"""


@pytest.mark.parametrize("zone", ["UTC", "Africa/Cairo", "America/Havana", "Atlantic/Azores", "Asia/Tokyo", "America/New_York"])
def test_of_a_database_every_moment_stands_on_one_day_and_what_is_none_comes_too(
    postgres: str, tmp_path: Path, zone: str, monkeypatch: pytest.MonkeyPatch, forget_settings: object
) -> None:
    """Each half hour of the weeks in which clocks are put forward and back, at midnight or to it in some of these zones."""
    server = {"conn_type": "postgres", "host": postgres, "login": "postgres", "schema": "postgres"}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_SHOP", json.dumps(server))
    monkeypatch.setenv("HEADLINE_REPORTING_ZONE", zone)
    starts = [datetime(2026, month, day) for month, day in ((3, 7), (3, 28), (4, 23), (10, 24), (10, 29), (10, 31))]  # noqa: DTZ001
    moments = [start + timedelta(minutes=30 * number) for start in starts for number in range(96)]
    ahead = "now() at time zone 'UTC' + interval '3 days'"
    odd = ["null", "'infinity'", "'-infinity'", "'12026-01-01'", "'0044-03-15 BC'", ahead]
    with closing(psycopg2.connect(host=postgres, user="postgres")) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("drop table if exists happenings; create table happenings (id text, happened_at timestamp)")
        values = [*(f"'{moment}'" for moment in moments), *odd]
        cursor.execute(f"insert into happenings values {', '.join(f'({place}, {one})' for place, one in enumerate(values))}")
    (tmp_path / "happenings.extract.sql").write_text(EXTRACT)
    ingest = DatabaseIngest(kind="database", connection="headline_shop", extract="happenings.extract.sql", key=["id"])
    days = sorted({start.date() + DAY * number for start in starts for number in range(-1, 3)})
    found: list[tuple[date, str]] = []
    for day in days:
        for of_day, part in database.read(ingest, tmp_path, Interval(day, day + DAY)):
            if of_day == NO_DAY:
                assert part.column("id").to_pylist() == [str(len(moments) + place) for place in range(len(odd))]
                assert set(part.column(REFUSAL).to_pylist()) == {NO_BUSINESS_DAY}
                assert part.column(REFUSED_TEXT).to_pylist()[0] == "null"
                assert part.column(ORIGIN).to_pylist()[1] == f"id {len(moments) + 1}"
            else:
                found += [(of_day, one) for one in part.column("id").to_pylist()]
    expected = [
        (moment.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(zone)).date(), str(place))
        for place, moment in enumerate(moments)
    ]
    assert sorted(found) == sorted(expected)
