"""Dropped files: whole, missing, broken off, or of another shape."""

import json
import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from time import time
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import ValidationError

from headline.errors import BadData, SpecError, Transient
from headline.intervals import Interval
from headline.sources import files
from headline.sources.agreed import Agreed
from headline.sources.judged import judged
from headline.sources.landing import LandingWriter, Unfit
from headline.sources.refused import ORIGIN, REFUSAL, REFUSED_TEXT
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
        found.setdefault(day, []).extend(judged(rows, Agreed(null_markers=ingest.null_markers)).to_pylist())
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
    assert judged(rows, Agreed()).schema.names == ["rate_date", "rate"]


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_a_file_that_is_not_there_yet_is_worth_another_try(share: Path, kind: str) -> None:
    with pytest.raises(Transient, match=r"rates_2026-03-01.*not there yet"):
        read(pattern="rates_{{ ds }}.x", format=kind)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "it is empty, even of a header"),
        (b"rate_date,rate\n2026-03-01,0.9", "breaks off"),
        (b'rate_date,rate\n2026-03-01,"0.9\n', "unexpected end of data"),
        (b"rate_date,r\xe4te\n2026-03-01,0.9\n", r"its header is not in utf-8 \(it looks like cp1252\)"),
        ("rate_date,rate\n2026-03-01,0.9\n".encode("utf-16"), r"its header is not in utf-8 \(it looks like utf-16\)"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_csv_that_is_not_whole_is_worth_another_try_while_it_may_be_arriving(
    share: Path, content: bytes, complaint: str
) -> None:
    file = share / "rates_2026-03-01.csv"
    file.write_bytes(content)
    with pytest.raises(Transient, match=rf"rates_2026-03-01\.csv.*{complaint}"):
        read()
    settle(file)
    if complaint == "breaks off":
        assert read() == {date(2026, 3, 1): [{"rate_date": "2026-03-01", "rate": "0.9"}]}
    elif complaint == "unexpected end of data":
        assert [(row[REFUSAL], row[REFUSED_TEXT]) for row in read()[date(2026, 3, 1)]] == [
            ("unreadable_record", '2026-03-01,"0.9')
        ]
    else:
        with pytest.raises(BadData, match=rf"rates_2026-03-01\.csv.*{complaint}.*not been written to for 15 minutes"):
            read()


def settle(file: Path) -> None:
    """Nobody has written to the file for an hour."""
    os.utime(file, (time() - 3600, time() - 3600))


@pytest.mark.parametrize(
    ("line", "reason", "text"),
    [
        (b"2026-03-01,0,9", "wrong_field_count", "2026-03-01,0,9"),
        (b"2026-03-01", "wrong_field_count", "2026-03-01"),
        (b"2026-03-01,0.9\xff", "unreadable_record", "2026-03-01,0.9\ufffd"),
        (b'"2026"-03-01,0.9', "unreadable_record", '"2026"-03-01,0.9'),
    ],
    ids=["too long", "too short", "bytes", "quotes"],
)
def test_a_line_that_does_not_fit_is_refused_by_itself(share: Path, line: bytes, reason: str, text: str | None) -> None:
    sound = b"2026-03-01,1\n"
    (share / "rates_2026-03-01.csv").write_bytes(b"rate_date,rate\n" + sound + line + b"\n" + sound)
    [first, odd, last] = read()[date(2026, 3, 1)]
    assert [first["rate"], first[REFUSAL], last["rate"], last[REFUSAL]] == ["1", None, "1", None]
    assert (odd["rate"], odd[REFUSAL], odd[ORIGIN]) == (None, reason, "rates_2026-03-01.csv line 3")
    assert text in (None, odd[REFUSED_TEXT])


def test_what_means_nothing_is_no_record(share: Path) -> None:
    """Blank lines, a trailing comma on all lines, a column without a name, blanks around names."""
    (share / "rates_2026-03-01.csv").write_bytes(b"rate_date, rate,\r\n2026-03-01,1,\r\n\r\n,,\r\n2026-03-01,2\r\n\n\n")
    rows = read()[date(2026, 3, 1)]
    assert [row.get("rate") for row in rows if not row.get(REFUSAL)] == ["1"]
    (share / "rates_2026-03-01.csv").write_bytes(b"rate_date, rate,\r\n2026-03-01,1,\r\n\r\n,,\r\n2026-03-01,2,\r\n\n\n")
    assert read() == {date(2026, 3, 1): [{"rate_date": "2026-03-01", "rate": "1"}, {"rate_date": "2026-03-01", "rate": "2"}]}


def test_how_a_file_is_written_is_stated_in_the_spec(share: Path) -> None:
    (share / "rates_2026-03-01.csv").write_bytes("rate_date;name\n2026-03-01;'Zürich;'\n2026-03-01;n/a\n".encode("cp1252"))
    how = {"encoding": "cp1252", "delimiter": ";", "quote": "'", "null_markers": ["n/a"]}
    assert [row["name"] for row in read(**how)[date(2026, 3, 1)]] == ["Zürich;", None]


def test_a_list_that_tells_of_no_day_is_the_snapshot_of_each_day_that_is_read(share: Path) -> None:
    (share / "records.csv").write_text("id\n71\n")
    assert read(DAYS, "records.csv", undated=True) == {day: [{"id": "71"}] for day in DAYS}


def test_nothing_else_tells_the_day_of_a_list_without_one() -> None:
    for how in ({"pattern": "rates_{{ ds }}.csv"}, {"pattern": "rates.csv", "day": "rate_date"}):
        with pytest.raises(ValidationError, match="undated"):
            FilesIngest(kind="files", connection="headline_datashare", format="csv", undated=True, **how)


@pytest.mark.parametrize(
    ("content", "complaint", "kept"),
    [
        (b"a,b,c\n1,2\n3,4\n", "2 of 2 lines do not fit its header: line 2 has 2 fields", [["1", "2"], ["3", "4"]]),
        (b"rate,RATE\n1,2\n", "a column is duplicated: rate, RATE", [["1", "2"]]),
    ],
    ids=["another header", "a name twice"],
)
def test_a_csv_whose_lines_do_not_fit_is_handed_over_to_be_kept(
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


def test_json_that_breaks_off_is_worth_another_try_while_it_may_be_arriving(share: Path) -> None:
    file = share / "x_2026-03-01.json"
    file.write_text('{"a": 1}')
    with pytest.raises(Transient, match=r"x_2026-03-01\.json: cannot be read as json"):
        read(pattern="x_{{ ds }}.json", format="json")
    settle(file)
    assert read(pattern="x_{{ ds }}.json", format="json") == {date(2026, 3, 1): [{"a": "1"}]}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"a": ', "unreadable_record"),
        ("[1]", "unreadable_record"),
        ('{"a": 1, "a": 2}', "repeated_key"),
        ('{"b": [{"x": 1, "x": 1}]}', "repeated_key"),
    ],
)
def test_a_line_that_is_no_object_is_refused_by_itself(share: Path, line: str, reason: str) -> None:
    (share / "x_2026-03-01.json").write_text('{"a": 1}\n' + line + '\n{"a": 3}\n')
    rows = read(pattern="x_{{ ds }}.json", format="json")[date(2026, 3, 1)]
    assert [row["a"] for row in rows] == ["1", None, "3"]
    assert (rows[1][REFUSAL], rows[1][ORIGIN]) == (reason, "x_2026-03-01.json line 2")
    assert line.strip() in rows[1][REFUSED_TEXT]


def test_text_that_no_store_takes_is_made_storable(share: Path) -> None:
    (share / "x_2026-03-01.json").write_text('{"a\\u0000": "\\ud83d x", "": 1, "A": "\\u0000", "b": 2}\n')
    [row] = read(pattern="x_{{ ds }}.json", format="json")[date(2026, 3, 1)]
    assert row == {"a\ufffd": "\ufffd x", "A": "\ufffd", "b": "2"}


def test_names_that_sql_cannot_tell_apart_are_one_column_and_twice_in_a_record_none(share: Path) -> None:
    lines = ['{"Amount": "1", "id": "a"}', '{"amount": "2", "id": "b"}', '{"amount": "3", "AMOUNT": "4", "id": "c"}']
    (share / "x_2026-03-01.json").write_text("\n".join(lines) + "\n")
    rows = read(pattern="x_{{ ds }}.json", format="json")[date(2026, 3, 1)]
    assert [(row["Amount"], row["id"], row[REFUSAL]) for row in rows] == [
        ("1", "a", None),
        ("2", "b", None),
        (None, None, "repeated_key"),
    ]
    assert rows[2][REFUSED_TEXT].startswith("AMOUNT: {")


def test_so_are_they_where_they_come_in_parts(tmp_path: Path) -> None:
    parts = [(date(2026, 3, 1), pa.RecordBatch.from_pylist([{name: "1"}])) for name in ("Amount", "amount")]
    [load] = LandingWriter("shop", "landing.orders", "test", root=tmp_path).write(parts, DAY)
    assert pq.read_table(load.file.removeprefix("file://"), partitioning=None).to_pydict()["Amount"] == ["1", "1"]
    assert list(load.columns) == ["ds", "Amount"]


def test_a_parquet_file_with_a_column_twice_is_kept_and_held(share: Path, tmp_path: Path) -> None:
    table = pa.table([pa.array([1]), pa.array([2]), pa.array(["x"])], names=["amount", "Amount", "headline_refusal"])
    pq.write_table(table, share / "x_2026-03-01.parquet")
    ingest = FilesIngest(kind="files", connection="headline_datashare", pattern="x_{{ ds }}.parquet", format="parquet")
    writer = LandingWriter("shop", "landing.orders", "test", root=tmp_path / "landing")
    with pytest.raises(Unfit, match="a column is duplicated: amount, Amount") as caught:
        writer.write(files.read(ingest, DAY), DAY)
    assert caught.value.kept
    assert list(caught.value.kept.columns) == ["ds", "amount", "Amount (2)", "headline_refusal (arrived)"]


def test_a_parquet_file_without_rows_lands_with_its_columns(share: Path, tmp_path: Path) -> None:
    pq.write_table(pa.table({"amount": pa.array([], pa.int64())}), share / "x_2026-03-01.parquet")
    ingest = FilesIngest(kind="files", connection="headline_datashare", pattern="x_{{ ds }}.parquet", format="parquet")
    [load] = LandingWriter("shop", "landing.orders", "test", root=tmp_path).write(files.read(ingest, DAY), DAY)
    assert (load.row_count, list(load.columns)) == (0, ["ds", "amount"])


def test_a_column_without_a_name_is_left_out_and_told(share: Path, caplog: pytest.LogCaptureFixture) -> None:
    (share / "rates_2026-03-01.csv").write_text("rate_date, ,rate,\n2026-03-01,x,1,y\n")
    assert read() == {date(2026, 3, 1): [{"rate_date": "2026-03-01", "rate": "1"}]}
    assert "rates_2026-03-01.csv: 2 of its columns have no name and are left out" in caplog.text


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


@pytest.mark.parametrize("kind", ["csv", "json", "parquet", "parquet without a zone"])
@pytest.mark.parametrize(("zone", "offset"), [("America/New_York", -5), ("Asia/Tokyo", 9)])
def test_a_moment_in_a_file_of_many_days_lies_on_its_business_day(
    share: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None], kind: str, zone: str, offset: int
) -> None:
    monkeypatch.setenv("HEADLINE_REPORTING_ZONE", zone)
    forget_settings()
    midnight = datetime(2026, 3, 2, tzinfo=timezone(timedelta(hours=offset))).astimezone(UTC)
    moments = [midnight - timedelta(seconds=1), midnight]
    kind, _, without = kind.partition(" ")
    if kind == "parquet":
        column = pa.array([moment.replace(tzinfo=None) for moment in moments], pa.timestamp("us"))
        column = column if without else column.cast(pa.timestamp("us", "UTC"))
        pq.write_table(pa.table({"paid_at": column}), share / "all.parquet")
    elif kind == "csv":
        (share / "all.csv").write_text("\n".join(["paid_at", *(moment.isoformat() for moment in moments), ""]))
    else:
        (share / "all.json").write_text("".join(json.dumps({"paid_at": moment.isoformat()}) + "\n" for moment in moments))
    found = read(DAYS, pattern=f"all.{kind}", format=kind, day="paid_at")
    assert {day: len(rows) for day, rows in found.items()} == {date(2026, 3, 1): 1, date(2026, 3, 2): 1}


def test_a_csv_file_of_many_days_is_told_apart_by_its_column(share: Path) -> None:
    (share / "all.csv").write_text("day,n\n2026-03-01,0\n2026-03-02,1\n2026-03-01,2\n2026-04-09,3\n")
    found = read(DAYS, pattern="all.csv", day="day")
    assert {day: [row["n"] for row in rows] for day, rows in found.items()} == {
        date(2026, 3, 1): ["0", "2"],
        date(2026, 3, 2): ["1"],
    }


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
def test_a_text_that_tells_no_day_refuses_its_record_in_every_format(share: Path, kind: str) -> None:
    days = ["2026-03-01", "2026-03-02T23:00:00-05:00", "20260302", "2026-02-30", "soon", " 2026-03-01 ", "2026-03-02 00:00"]
    rows = [{"day": day, "n": number} for number, day in enumerate(days)]
    pq.write_table(pa.Table.from_pylist(rows), share / "all.parquet")
    (share / "all.json").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (share / "all.csv").write_text("day,n\n" + "".join(f"{row['day']},{row['n']}\n" for row in rows))
    found = read(Interval(date(2026, 3, 1), date(2026, 3, 4)), pattern=f"all.{kind}", format=kind, day="day")
    told = {day: [(str(row["n"]), row.get(REFUSAL)) for row in rows] for day, rows in found.items()}
    assert [row[REFUSED_TEXT] for rows in found.values() for row in rows if row.get(REFUSAL)] == ["2026-02-30", "soon"]
    assert told.pop(date(2026, 3, 3)) == [("1", None)]
    assert sorted(told.pop(date(2026, 3, 2))) == [("2", None), ("6", None)]
    assert sorted(told.pop(date(2026, 3, 1))) == [("0", None), ("3", "invalid_day"), ("4", "invalid_day"), ("5", None)]


@pytest.mark.parametrize("kind", ["csv", "json", "parquet"])
@pytest.mark.parametrize("days", [["soon"], ["", "soon"]])
def test_a_file_in_which_nobody_tells_a_day_is_held(share: Path, kind: str, days: list[str]) -> None:
    pq.write_table(pa.table({"day": days, "n": days}), share / "all.parquet")
    (share / "all.json").write_text("".join(json.dumps({"day": day, "n": day}) + "\n" for day in days))
    (share / "all.csv").write_text("day,n\n" + "".join(f"{day},x\n" for day in days))
    with pytest.raises(Unfit, match=f"{len(days)} of {len(days)} records have no day"):
        read(pattern=f"all.{kind}", format=kind, day="day")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
@pytest.mark.parametrize(
    ("form", "days", "become"),
    [
        ("%d/%m/%Y", ["01/03/2026", "02/03/2026", "31/3/2026"], ["2026-03-01", "2026-03-02", "2026-03-31"]),
        (
            "%d.%m.%Y %H:%M",
            ["01.03.2026 23:30", "02.03.2026 00:00", "31.03.2026 08:05"],
            ["2026-03-01 23:30:00", "2026-03-02 00:00:00", "2026-03-31 08:05:00"],
        ),
    ],
)
def test_days_that_are_texts_of_another_form(share: Path, kind: str, form: str, days: list[str], become: list[str]) -> None:
    (share / "all.csv").write_text("Ordered_At,n\n" + "".join(f"{day},{number}\n" for number, day in enumerate(days)))
    pq.write_table(table(days, pa.string()), share / "all.parquet")
    found = read(DAYS, pattern=f"all.{kind}", format=kind, day="ordered_at", day_format=form)
    rows = {day: [(str(row["n"]), row.get("ordered_at") or row["Ordered_At"]) for row in rows] for day, rows in found.items()}
    assert rows == {date(2026, 3, 1): [("0", become[0])], date(2026, 3, 2): [("1", become[1])]}


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_text_of_no_known_form_is_refused_by_itself(share: Path, kind: str) -> None:
    days = ["01/03/2026", "2026-03-02", "soon", "02/03/2026"]
    (share / "all.csv").write_text("ordered_at,n\n" + "".join(f"{day},{number}\n" for number, day in enumerate(days)))
    pq.write_table(table(days, pa.string()), share / "all.parquet")
    found = read(DAYS, pattern=f"all.{kind}", format=kind, day="ordered_at", day_format="%d/%m/%Y")
    told = {day: [(str(row["n"]), row.get(REFUSAL)) for row in rows] for day, rows in found.items()}
    assert told == {
        date(2026, 3, 1): [("0", None), ("2", "invalid_ordered_at")],
        date(2026, 3, 2): [("1", None), ("3", None)],
    }


def test_the_file_of_a_day_may_tell_moments_in_another_form(share: Path) -> None:
    (share / "rates_2026-03-01.csv").write_text("at,n\n01/03/2026 10:00,0\n")
    found = read(pattern="rates_{{ ds }}.csv", moment="at", day_format="%d/%m/%Y %H:%M")
    assert [row["at"] for row in found[date(2026, 3, 1)]] == ["2026-03-01 10:00:00"]


@pytest.mark.parametrize(
    ("form", "fault"),
    [("%d/%m", "does not tell year, month and day"), ("%Q", "is no format"), ("day", "does not tell year, month and day")],
)
def test_a_format_tells_a_day(form: str, fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        FilesIngest(kind="files", connection="x", pattern="all.csv", format="csv", day="at", day_format=form)


def test_a_format_is_of_a_column() -> None:
    with pytest.raises(ValidationError, match="name one of them"):
        FilesIngest(kind="files", connection="x", pattern="all_{{ ds }}.csv", format="csv", day_format="%d/%m/%Y")


@pytest.mark.parametrize("kind", ["parquet", "csv"])
def test_a_row_without_a_day_is_refused_on_the_first_day_of_the_file(share: Path, kind: str) -> None:
    pq.write_table(table([date(2026, 3, 1), None, date(2026, 3, 2)], pa.date32()), share / "all.parquet")
    (share / "all.csv").write_text("ordered_at,n\n2026-03-01,0\n,1\n2026-03-02,2\n")
    how = {"pattern": f"all.{kind}", "format": kind, "day": "ordered_at"}
    found = read(DAYS, **how)
    assert [(str(row["n"]), row[REFUSAL]) for row in found[date(2026, 3, 1)] if row.get(REFUSAL)] == [("1", "invalid_ordered_at")]
    assert not any(row.get(REFUSAL) for row in found[date(2026, 3, 2)])
    later = read(Interval(date(2026, 3, 2), date(2026, 3, 3)), **how)
    assert [str(row["n"]) for row in later[date(2026, 3, 2)]] == ["2"], "the same whichever days are read together"


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
    with pytest.raises(Unfit, match=f"no column {column} with the day|2 of 2 records have no {column}") as raised:
        LandingWriter("shop", "landing.orders", "test").write(files.read(ingest, DAYS), DAYS)
    kept = raised.value.kept
    assert kept is not None
    assert kept.ds == DAYS.start
    rows = pq.read_table(kept.file.removeprefix("file://"), partitioning=None).to_pylist()
    assert [(row["ds"], row["n"]) for row in rows] == [(DAYS.start, "one"), (DAYS.start, "two")]


@pytest.mark.parametrize("keep", [0.3, 0.7, 0.99])
def test_a_truncated_parquet_file_is_worth_another_try(share: Path, keep: float) -> None:
    file = share / "x_2026-03-01.parquet"
    pq.write_table(table([date(2026, 3, 1)] * 1000, pa.date32()), file)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * keep)])
    with pytest.raises(Transient, match=r"cannot be read as Parquet.*may be still arriving"):
        read(pattern="x_{{ ds }}.parquet", format="parquet")
    settle(file)
    with pytest.raises(BadData, match="cannot be read as Parquet"):
        read(pattern="x_{{ ds }}.parquet", format="parquet")


def test_a_connection_without_a_path_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_DATASHARE", '{"conn_type": "fs"}')
    with pytest.raises(SpecError, match="headline_datashare: its extra must hold «path»"):
        read()
