"""One place decides what a number, a date and a moment are; everything else is refused by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headline.sources.agreed import Agreed
from headline.sources.dates import moment_of
from headline.sources.judged import judged
from headline.sources.names import storable
from headline.sources.refused import ORIGIN, REFUSAL, REFUSED_TEXT, UNREAD

BERLIN = ZoneInfo("Europe/Berlin")


def judge(kind: str, *texts: str | None, agreed: Agreed | None = None) -> list[tuple[str | None, str | None]]:
    """Each text as it lands, with the reason where it was refused."""
    known = agreed or Agreed({"x": {kind}})
    rows = judged(pa.RecordBatch.from_pydict({"x": pa.array(texts, pa.string())}), known).to_pylist()
    return [(row["x"], row.get(REFUSAL)) for row in rows]


def is_readable(kind: str, text: str) -> bool:
    return judge(kind, text)[0][1] is None


@pytest.mark.parametrize(
    ("kind", "sound", "odd"),
    [
        ("integer", ["7", "-7", "+7", "007", " 7 ", "999999999"], ["7.0", "1e3", "2147483648", "٣", "7 7", "-", "NaN"]),
        ("bigint", ["999999999999999999"], ["1000000000000000000000"]),
        (
            "decimal(18, 4)",
            ["1", "-1.5", "+1.", ".5", "12345678901234.5678", "1.50000000", "0001.5"],
            [
                "1,020.00",
                "€5.00",
                "(5.00)",
                "50.00-",
                "NaN",
                "inf",
                "1e3",
                "1.00001",
                "123456789012345",
                ".",
                "-",
                "1.2.3",
                "1 000",
            ],
        ),
        ("decimal(6, 0)", ["123456", "5.000"], ["1234567", "5.5"]),
        ("double", ["1", "-1.5e3", ".5", "1e-99"], ["NaN", "inf", "1,5", "one", "1e400", "0x1A"]),
        ("boolean", ["true", "False", "t", "0"], ["ja", "2", "yes and no"]),
        (
            "date",
            ["2026-02-28", "20260228", "2026-059"],
            ["2026-366", "2026-02-30", "28.02.2026", "2026-13-01", "10000-01-01", "0000-01-01", "today"],
        ),
        (
            "timestamp",
            [
                "2026-03-01T10:00:00Z",
                "2026-03-01 10:00",
                "2026-03-01T10:00:00.123456789+02:00",
                "20260301T100000Z",
                "2026-03-01T10",
                "2026-W09-7T10:00:00Z",
                "2026-060T10:00:00Z",
                "2026060T1000",
                "2026-03-01 10:00:00 UTC",
                "2026-03-01T10:00:00\u221201:00",
            ],
            [
                "2026-03-01",
                "2026-366T10:00:00Z",
                "2026-000T10:00:00Z",
                "2026-W54-1T10:00:00Z",
                "2026-03-01T10:00:00 CET",
                "٢٠٢٦-03-01T10:00:00Z",
                "10:00",
                "2026-03-01T10:00:60Z",
                "2026-03-01T24:00:00Z",
                "2026-02-30T10:00:00Z",
                "infinity",
                "1772352000",
            ],
        ),
    ],
)
def test_what_can_be_read_and_what_cannot(kind: str, sound: list[str], odd: list[str]) -> None:
    assert [text for text in sound if not is_readable(kind, text)] == []
    assert [text for text in odd if is_readable(kind, text)] == []


@pytest.mark.parametrize("kind", ["integer", "decimal(18, 4)", "date", "timestamp", "text"])
def test_nothing_given_is_nothing_wrong(kind: str) -> None:
    assert [reason for _, reason in judge(kind, None, "", "  ")] == [None] * 3


def test_a_refused_row_keeps_what_arrived_and_where() -> None:
    rows = pa.RecordBatch.from_pydict(
        {"x": pa.array(["1", "one"]), "y": pa.array(["2", "two"]), ORIGIN: pa.array(["line 2", "line 3"])}
    )
    sound, odd = judged(rows, Agreed({"x": {"integer"}, "y": {"integer"}})).to_pylist()
    assert sound == {"x": "1", "y": "2", REFUSAL: None, REFUSED_TEXT: None, ORIGIN: None, UNREAD: None}
    assert odd == {"x": "one", "y": "two", REFUSAL: "invalid_x", REFUSED_TEXT: "one", ORIGIN: "line 3", UNREAD: ",x,y,"}


def test_a_comma_is_a_point_where_the_source_says_so() -> None:
    agreed = Agreed({"x": {"decimal(18, 4)"}}, decimal_separator=",")
    assert judge("", "1,5", "-0,25", agreed=agreed) == [("1.5", None), ("-0.25", None)]
    assert [reason for _, reason in judge("", "1.5", "1.000,5", "1,2,3", agreed=agreed)] == ["invalid_x"] * 3


def test_a_moment_without_an_offset_is_at_home_in_the_zone_of_its_source() -> None:
    agreed = Agreed({"x": {"timestamp"}}, BERLIN)
    assert judge("", "2026-07-01T10:00:00", "2026-07-01T10:00:00Z", agreed=agreed) == [
        ("2026-07-01 08:00:00", None),
        ("2026-07-01 10:00:00", None),
    ]


def test_a_moment_lands_as_every_engine_casts_it() -> None:
    texts = ["2026-03-01T10:00:00Z", "2026-03-01 10:00:00.5", None]
    assert judge("timestamp", *texts) == [("2026-03-01 10:00:00", None), ("2026-03-01 10:00:00.5", None), (None, None)]


@pytest.mark.parametrize("kind", ["integer", "decimal(18, 4)", "date", "timestamp"])
def test_an_empty_text_is_none_where_no_engine_casts_it(kind: str) -> None:
    assert judge(kind, "", " ", "\t") == [(None, None)] * 3
    assert judge("text", "", " ") == [("", None), (" ", None)]


def test_the_same_day_in_any_form_is_one() -> None:
    texts = ("2026-03-01T10:00:00Z", "2026-W09-7T10:00:00Z", "2026-060T10:00:00Z", "2026-03-01T11:00:00\u002b01:00")
    assert {moment_of(text, BERLIN) for text in texts} == {datetime(2026, 3, 1, 10)}  # noqa: DTZ001
    assert judge("date", "2026-03-01", "20260301", "2026-060", "2026060") == [("2026-03-01", None)] * 4


MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31))  # noqa: DTZ001
OFFSETS = st.integers(-14 * 60, 14 * 60)


@settings(max_examples=100, deadline=None)
@given(MOMENTS, OFFSETS, st.sampled_from(["T", " "]), st.booleans(), st.booleans())
def test_every_spelling_is_the_same_moment_to_the_reader_and_to_the_engine(
    moment: datetime, offset: int, separator: str, is_short: bool, has_colon: bool
) -> None:
    """What lands is cast by the SQL of the raw tables."""
    zone = timezone(timedelta(minutes=offset))
    local = moment.replace(tzinfo=UTC).astimezone(zone)
    if is_short:
        local, moment = local.replace(second=0, microsecond=0), moment.replace(second=0, microsecond=0)
    written = local.strftime("%Y-%m-%d") + separator + (local.strftime("%H:%M") if is_short else local.time().isoformat())
    hours, minutes = divmod(abs(offset), 60)
    written += f"{'-' if offset < 0 else '+'}{hours:02}{':' if has_colon else ''}{minutes:02}"
    assert moment_of(written, BERLIN) == moment
    [(landed, reason)] = judge("timestamp", written)
    assert reason is None
    assert duckdb.execute("select cast(? as timestamp)", [landed]).fetchall() == [(moment,)]


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=12) | st.decimals(allow_nan=True, allow_infinity=True).map(str))
def test_the_engine_reads_what_the_reader_lets_through(text: str) -> None:
    """To the digit: nothing is rounded, and nothing that is let through fails the cast."""
    landed = storable(text)
    if is_readable("decimal(18, 4)", landed) and landed.strip():
        [(value,)] = duckdb.execute("select cast(nullif(trim(?), '') as decimal(18, 4))", [landed]).fetchall()
        assert value == Decimal(landed.strip())


@pytest.mark.parametrize("kind", ["double", "boolean", "timestamp with time zone"])
def test_the_engine_casts_what_is_let_through_to_other_types(kind: str) -> None:
    texts = ["1", "-1.5e3", "1e99", "true", "F", "0", "2026-03-01T10:00:00Z", "2026-03-01 12:00+02:00", "NaN", "infinity", "x"]
    landed = [(text, reason) for text, reason in judge(kind, *texts) if reason is None]
    assert landed
    for text, _ in landed:
        assert duckdb.execute(f"select cast(? as {kind}) is not null", [text]).fetchall() == [(True,)]


def test_ids_that_became_floats_because_one_was_null_are_the_integers_that_they_were() -> None:
    ids = pa.array([71.0, None, float("nan"), 73.5, 2.0**60, -3.0, float("inf")])
    rows = judged(pa.RecordBatch.from_pydict({"user_id": ids}), Agreed(ids=["user_id"]))
    assert rows.schema.field("user_id").type == pa.int64()
    assert [(row["user_id"], row[REFUSAL]) for row in rows.to_pylist()] == [
        (71, None),
        (None, None),
        (None, None),
        (None, "invalid_user_id"),
        (None, "invalid_user_id"),
        (-3, None),
        (None, "invalid_user_id"),
    ]
    assert rows.column(REFUSED_TEXT).to_pylist()[3] == "73.5"


def test_a_measure_that_is_a_float_stays_one() -> None:
    rows = judged(pa.RecordBatch.from_pydict({"weight": pa.array([71.0])}), Agreed(ids=["user_id"]))
    assert rows.to_pylist() == [{"weight": 71.0}]


def test_an_id_that_could_be_somebody_elses_is_refused() -> None:
    agreed = Agreed(ids=["x"])
    odd = [
        "73.0",
        "73.",
        " 73.00 ",
        "-73.0",
        "1.23E+12",
        "1E+12",
        "7.1e5",
        "[71]",
        '{"id": 71}',
        "true",
        "NULL",
        "undefined",
        "NaN",
    ]
    sound = ["73", "073", "73.5", "1.2.0", "v1.0", "12e5", None, "a.b", "nanette", "a[1]"]
    assert [reason for _, reason in judge("text", *odd, agreed=agreed)] == ["invalid_x"] * len(odd)
    assert judge("text", *sound, agreed=agreed) == [(text, None) for text in sound]


def test_ids_that_look_the_same_are_the_same() -> None:
    agreed = Agreed(ids=["x"])
    found = judge("text", "\ta1 ", "\u00a0a1", "\ufeffa1\u200b", "Zoe\u0308", "Zo\u00eb", "", " ", "A1", agreed=agreed)
    assert [text for text, _ in found] == ["a1", "a1", "a1", "Zo\u00eb", "Zo\u00eb", None, None, "A1"]
