"""The checksum of a day: other rows make another one; another order, another cut and another way of writing do not."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from headline.sources.content import DIGEST_BYTES, content_of

SOME = pa.table(
    {
        "ds": pa.array([date(2026, 3, 1)] * 4, pa.date32()),
        "key": ["a", "b", "b", None],
        "amount": pa.array([Decimal("1.20"), None, None, Decimal("-3")], pa.decimal128(18, 4)),
        "at": pa.array([datetime(2026, 3, 1, 8, tzinfo=UTC)] * 3 + [None], pa.timestamp("us", "UTC")),
        "share": [0.1, float("nan"), float("nan"), -0.0],
        "count": pa.array([1, 2, 2, 3], pa.int32()),
        "flag": [True, None, None, False],
        "raw": pa.array([b"\xff", b"", b"", None]),
        "tags": [[1, 2], None, None, []],
        "clock": pa.array([time(1), None, None, None], pa.time64("us")),
        "lasted": pa.array([timedelta(1), None, None, None], pa.duration("ms")),
        "empty": pa.nulls(4),
    }
)


def checksum(*tables: pa.Table) -> str:
    return content_of(tables).checksum(tables[0].schema)


def column(values: list[Any], kind: pa.DataType | None = None) -> str:
    return checksum(pa.table({"a": pa.array(values, kind)}))


def test_it_is_what_it_was_in_any_other_version() -> None:
    """Ledgers hold these checksums: whoever changes how they are made makes every day of a lookback a new version, once."""
    assert checksum(SOME) == "ccfd3763b7354fb9736bdf032b67aef536584cd4"
    assert len(checksum(SOME)) == 2 * DIGEST_BYTES


def test_order_of_rows_and_columns_and_cut_make_no_difference() -> None:
    expected = checksum(SOME)
    assert checksum(SOME.take([3, 1, 0, 2])) == expected
    assert checksum(SOME.select(SOME.column_names[::-1])) == expected
    assert checksum(*(SOME.slice(n, 1) for n in range(4))) == expected
    assert checksum(SOME.slice(2), SOME.slice(0, 2)) == expected


def test_a_file_gives_what_was_written_to_it(tmp_path: Path) -> None:
    for version, compression in (("1.0", "none"), ("2.6", "zstd")):
        pq.write_table(SOME, tmp_path / "x.parquet", version=version, compression=compression, row_group_size=1)
        read = pq.ParquetFile(tmp_path / "x.parquet")
        assert content_of(read.iter_batches(3)).checksum(SOME.schema) == checksum(SOME)


def test_how_text_is_encoded_makes_no_difference() -> None:
    texts = pa.array(["a", "b", None, "a"])
    encodings = [texts, texts.cast(pa.large_string()), texts.cast(pa.string_view()), texts.dictionary_encode()]
    assert len({checksum(pa.table({"a": encoded})) for encoded in encodings}) == 1


def test_a_column_that_a_part_lacks_is_null_there() -> None:
    whole = pa.table({"a": ["x", "y"], "b": ["1", None]})
    parts = [pa.table({"a": ["x"], "b": ["1"]}), pa.table({"a": ["y"]})]
    assert content_of(parts).checksum(whole.schema) == checksum(whole)


@pytest.mark.parametrize("place", range(1, SOME.num_columns - 1))
def test_each_value_counts(place: int) -> None:
    lacking = SOME.column(place).to_pylist()
    lacking[0] = None
    other = SOME.set_column(place, SOME.field(place), pa.array(lacking, SOME.field(place).type))
    assert checksum(other) != checksum(SOME)


def test_what_differs_is_told_apart() -> None:
    found = [
        column([]),
        column([None]),
        column([None, None]),
        column([""]),
        column(["a"]),
        column(["a", "a"]),
        column(["a", "a", "a", "a"]),
        column(["aa"]),
        column(["1"]),
        column([1]),
        column([1], pa.int32()),
        column([1.0]),
        column([Decimal(1)]),
        column([Decimal("1.0")]),
        column([1], pa.timestamp("s")),
        column([1], pa.timestamp("us")),
        column([b"a"]),
        checksum(pa.table({"b": ["a"]})),
        checksum(pa.table({"a": ["x", "y"], "b": ["1", "2"]})),
        checksum(pa.table({"a": ["x", "y"], "b": ["2", "1"]})),
        checksum(pa.table({"a": ["x1:b"], "b": [None]})),
        checksum(pa.table({"a": ["x"], "b": ["1"]})),
        checksum(pa.table({"a": ["1"], "b": ["x"]})),
    ]
    assert len(set(found)) == len(found) == 23
