"""Dropped files: whole, missing, broken off, or of another shape."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headline.errors import BadData, SpecError, Transient
from headline.intervals import Interval
from headline.sources import files
from headline.sources.landing import LandingWriter, Unfit
from headline.specs import FilesIngest

DAYS = Interval(date(2026, 3, 1), date(2026, 3, 3))
DAY = Interval(date(2026, 3, 1), date(2026, 3, 2))


@pytest.fixture
def share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data share"
    folder.mkdir()
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_DATASHARE", json.dumps({"conn_type": "fs", "extra": {"path": f"file://{folder}"}}))
    return folder


def read(interval: Interval = DAY, pattern: str = "rates_{{ ds }}.csv", **more: Any) -> dict[date, list[dict[str, Any]]]:
    ingest = FilesIngest(kind="files", connection="headline_datashare", pattern=pattern, **{"format": "csv", **more})
    found: dict[date, list[dict[str, Any]]] = {}
    for day, rows in files.read(ingest, interval):
        found.setdefault(day, []).extend(rows.to_pylist())
    return found


def test_each_day_has_its_file(share: Path) -> None:
    (share / "rates_2026-03-01.csv").write_text("rate_date,rate\n2026-03-01,0.90\n")
    (share / "rates_2026-03-02.csv").write_bytes(b'\xef\xbb\xbfrate_date,rate\r\n2026-03-02,\r\n2026-03-02,"1,5"\r\n')
    assert read(DAYS) == {
        date(2026, 3, 1): [{"rate_date": "2026-03-01", "rate": "0.90"}],
        date(2026, 3, 2): [{"rate_date": "2026-03-02", "rate": None}, {"rate_date": "2026-03-02", "rate": "1,5"}],
    }


def test_a_header_alone_is_a_day_without_rows(share: Path) -> None:
    (share / "rates_2026-03-01.csv").write_text("rate_date,rate\n")
    assert read() == {date(2026, 3, 1): []}
    ingest = FilesIngest(kind="files", connection="headline_datashare", pattern="rates_{{ ds }}.csv", format="csv")
    [(_, rows)] = files.read(ingest, DAY)
    assert rows.schema.names == ["rate_date", "rate"]


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_a_file_that_is_not_there_yet_is_worth_another_try(share: Path, kind: str) -> None:
    with pytest.raises(Transient, match=r"rates_2026-03-01.*not there yet"):
        read(pattern="rates_{{ ds }}.x", format=kind)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "breaks off"),
        (b"rate_date,rate\n2026-03-01,0.9", "breaks off"),
        (b"rate_date,rate\n2026-03-01\n", "line 2 has 1 fields, the header has 2"),
        (b'rate_date,rate\n2026-03-01,"0.9\n', "unexpected end of data"),
        (b"rate_date,rate\n2026-03-01,0.9\xff\n", "codec can't decode"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_csv_that_is_not_whole_is_worth_another_try(share: Path, content: bytes, complaint: str) -> None:
    (share / "rates_2026-03-01.csv").write_bytes(content)
    with pytest.raises(Transient, match=rf"rates_2026-03-01\.csv.*{complaint}"):
        read()


@pytest.mark.parametrize(
    ("content", "complaint", "kept"),
    [
        (
            b"rate_date,rate\n2026-03-01,0,9\n2026-03-01,1\n",
            "line 2 has 3 fields, the header has 2$",
            [["2026-03-01", "0", "9"], ["2026-03-01", "1", None]],
        ),
        (b"rate_date,rate\n2026-03-01\n2026-03-01,1\n", "line 2 has 1 fields", [["2026-03-01", None], ["2026-03-01", "1"]]),
        (b"a,b,c\n1,2\n3,4\n", r"line 2 has 2 fields.* \(and 1 faults like it\)", [["1", "2", None], ["3", "4", None]]),
        (b"rate,rate\n1,2\n", "a column is there twice: rate, rate", [["1", "2"]]),
    ],
    ids=["too long", "too short, not at the end", "a longer header", "a name twice"],
)
def test_a_csv_that_is_whole_but_does_not_fit_is_handed_over_to_be_kept(
    share: Path, content: bytes, complaint: str, kept: list[list[str | None]]
) -> None:
    (share / "rates_2026-03-01.csv").write_bytes(content)
    with pytest.raises(Unfit, match=complaint) as raised:
        read()
    [(day, rows)] = raised.value.parts
    assert day == date(2026, 3, 1)
    assert [list(row.values()) for row in rows.to_pylist()] == kept
    assert len(set(rows.schema.names)) == len(rows.schema.names)


def test_json_lines_keep_numbers_as_text(share: Path) -> None:
    (share / "x_2026-03-01.json").write_text('{"a": 0.10, "b": "line\u2028break"}\n\n{"a": null, "c": [1]}\n')
    assert read(pattern="x_{{ ds }}.json", format="json") == {
        date(2026, 3, 1): [{"a": "0.10", "b": "line\u2028break", "c": None}, {"a": None, "b": None, "c": '["1"]'}]
    }


@pytest.mark.parametrize("content", ['{"a": 1}\n{"a": \n', "[1]\n", '{"a": 1}'])
def test_json_that_is_not_whole_is_worth_another_try(share: Path, content: str) -> None:
    (share / "x_2026-03-01.json").write_text(content)
    with pytest.raises(Transient, match=r"x_2026-03-01\.json: cannot be read as json"):
        read(pattern="x_{{ ds }}.json", format="json")


def table(days: list[Any], kind: pa.DataType) -> pa.Table:
    return pa.table({"ordered_at": pa.array(days, kind), "n": list(range(len(days)))})


@pytest.mark.parametrize(
    ("days", "kind"),
    [
        ([date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 1), date(2026, 4, 9)], pa.date32()),
        (["2026-03-01", "2026-03-02", "2026-03-01", "2026-04-09"], pa.string()),
        ([1772323200, 1772409600, 1772409599, 1775692800], pa.int64()),
    ],
    ids=["date", "text", "seconds"],
)
def test_a_parquet_file_of_many_days_is_told_apart_by_its_column(share: Path, days: list[Any], kind: pa.DataType) -> None:
    pq.write_table(table(days, kind), share / "all.parquet", row_group_size=2)
    found = read(DAYS, pattern="all.parquet", format="parquet", day="ordered_at")
    assert {day: [row["n"] for row in rows] for day, rows in found.items()} == {date(2026, 3, 1): [0, 2], date(2026, 3, 2): [1]}


def test_a_csv_file_of_many_days_is_told_apart_by_its_column(share: Path) -> None:
    (share / "all.csv").write_text("day,n\n2026-03-01,0\n2026-03-02,1\n2026-03-01,2\n2026-04-09,3\n")
    found = read(DAYS, pattern="all.csv", day="day")
    assert {day: [row["n"] for row in rows] for day, rows in found.items()} == {
        date(2026, 3, 1): ["0", "2"],
        date(2026, 3, 2): ["1"],
    }


def test_a_row_without_a_day_is_bad_data(share: Path) -> None:
    pq.write_table(table([date(2026, 3, 1), None], pa.date32()), share / "all.parquet")
    with pytest.raises(BadData, match="1 rows have no ordered_at"):
        read(pattern="all.parquet", format="parquet", day="ordered_at")
    (share / "all.csv").write_text("day,n\n2026-03-01,0\n,1\n")
    with pytest.raises(BadData, match="no day of"):
        read(pattern="all.csv", day="day")


@pytest.mark.parametrize("column", ["absent", "n"])
@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_without_a_column_that_tells_the_day_everything_is_kept(
    share: Path, column: str, kind: str, monkeypatch: pytest.MonkeyPatch, forget_settings: object
) -> None:
    monkeypatch.setenv("HEADLINE_LANDING", f"file://{share}/landing")
    pq.write_table(pa.table({"n": ["one", "two"]}), share / "all.parquet")
    (share / "all.csv").write_text("n\none\ntwo\n")
    (share / "all.json").write_text('{"n": "one"}\n{"n": "two"}\n')
    ingest = FilesIngest(kind="files", connection="headline_datashare", pattern=f"all.{kind}", format=kind, day=column)
    with pytest.raises(Unfit, match=f"no column {column} that tells the day|2 of 2 records have no {column}") as raised:
        LandingWriter("shop", "landing.orders", "test").write(files.read(ingest, DAYS), DAYS)
    kept = raised.value.kept
    assert kept is not None
    assert kept.ds == DAYS.start
    rows = pq.read_table(kept.file.removeprefix("file://"), partitioning=None).to_pylist()
    assert rows == [{"ds": DAYS.start, "n": "one"}, {"ds": DAYS.start, "n": "two"}]


@pytest.mark.parametrize("keep", [0.3, 0.7, 0.99])
def test_a_truncated_parquet_file_is_worth_another_try(share: Path, keep: float) -> None:
    file = share / "x_2026-03-01.parquet"
    pq.write_table(table([date(2026, 3, 1)] * 1000, pa.date32()), file)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(Transient, match="not a whole Parquet file"):
        read(pattern="x_{{ ds }}.parquet", format="parquet")


def test_a_connection_without_a_path_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_DATASHARE", '{"conn_type": "fs"}')
    with pytest.raises(SpecError, match="headline_datashare: its extra must hold «path»"):
        read()
