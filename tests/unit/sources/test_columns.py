"""Kinds of types and of values that are written as text."""

import pyarrow as pa
import pytest

from headline.sources.columns import Columns, filled, kind_of, widens, written_as


@pytest.mark.parametrize(
    ("arrow_type", "kind"),
    [
        (pa.string(), "text"),
        (pa.large_string(), "text"),
        (pa.dictionary(pa.int32(), pa.string()), "text"),
        (pa.int8(), "integer"),
        (pa.uint64(), "integer"),
        (pa.decimal128(18, 4), "decimal(18, 4)"),
        (pa.float32(), "double"),
        (pa.float64(), "double"),
        (pa.bool_(), "boolean"),
        (pa.date32(), "date"),
        (pa.timestamp("us"), "timestamp"),
        (pa.timestamp("ns", tz="UTC"), "timestamp with time zone"),
        (pa.null(), "empty"),
        (pa.list_(pa.int64()), "list<item: int64>"),
    ],
)
def test_the_kind_of_a_type(arrow_type: pa.DataType, kind: str) -> None:
    assert kind_of(str(arrow_type)) == kind


@pytest.mark.parametrize(
    ("kind", "fitting", "strange"),
    [
        ("integer", ["0", "-12", "+7"], ["1.0", "1e3", "12a", "0x1"]),
        ("decimal(18, 4)", ["0", "-1.5", ".5", "2.", "1e-3"], ["1,5", "EUR 1", "1.2.3"]),
        ("double", ["0.5"], ["about 5"]),
        ("boolean", ["true", "FALSE"], ["yes", "1"]),
        ("date", ["2026-03-01"], ["01.03.2026", "2026-03-01T00:00:00", "20260301"]),
        (
            "timestamp",
            ["2026-03-01T08:00:00Z", "2026-03-01 08:00", "2026-03-01T08:00:00.123+02:00"],
            ["2026-03-01", "1772352000"],
        ),
        ("jsonb", ["{}", "anything"], []),
    ],
)
def test_what_can_be_read_as_a_kind(kind: str, fitting: list[str], strange: list[str]) -> None:
    found = written_as(pa.chunked_array([[*fitting, *strange]]), [kind]).to_pylist()
    assert found == [True] * len(fitting) + [False] * len(strange)


@pytest.mark.parametrize(
    ("kind", "other", "does"),
    [
        ("integer", "decimal(18, 4)", True),
        ("integer", "double", True),
        ("integer", "text", False),
        ("text", "integer", False),
        ("double", "decimal(18, 4)", False),
        ("decimal(20, 4)", "decimal(18, 4)", True),  # too large a value fails loudly
        ("decimal(18, 6)", "decimal(18, 4)", False),  # too fine a value would be rounded silently
        ("decimal", "decimal(18, 4)", True),
        ("timestamp", "timestamp with time zone", False),
        ("date", "timestamp", False),
        ("empty", "timestamp", True),
    ],
)
def test_one_kind_holds_another_without_loss(kind: str, other: str, does: bool) -> None:
    assert widens(kind, other) is does


def test_nulls_and_blanks_say_nothing() -> None:
    texts = pa.chunked_array([["a", "", None, "  ", " b "]])
    assert filled(texts).to_pylist() == ["a", "b"]
    assert filled(pa.chunked_array([[1, None]])).to_pylist() == [1]


def test_a_column_of_text_is_described_by_its_values() -> None:
    table = {"n": ["1", "2", None], "t": ["1", "b", "c"], "none": [None, None, None], "empty": []}
    columns = Columns(dict.fromkeys(table, "text"), 3, lambda name: pa.chunked_array([table[name]], pa.string()))
    assert [columns.described(name) for name in table] == ["integer", "text", "text", "text"]
    assert (columns.find("N"), columns.find("m")) == ("n", None)
