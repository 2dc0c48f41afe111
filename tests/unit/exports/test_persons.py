"""An erasure names the dumps that still hold the person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tests.unit.exports.conftest import D1, DUMP, DUMP_SQL, Exporting

from headline.exports.persons import dumps_in_words, dumps_with
from headline.specs.exports import load_export


def test_every_dump_of_the_person_is_named_with_its_last_day_also_a_replaced_one(exporting: Exporting) -> None:
    exporting.run()
    first = exporting.manifest()
    exporting.arrive(D1, ("a", "1.5"), ("b", "3"))
    exporting.run()
    second = exporting.manifest()
    assert first
    assert second
    found = list(dumps_with("a", load_export("orders")))
    place = f"file://{exporting.place}/orders/{D1}"
    assert {one.address for one in found} == {f"{place}/{one['key']}" for one in (first, second)}
    assert {one.row_count for one in found} == {1}
    assert {one.goes_after for one in found} == {datetime.now(UTC).date() + timedelta(days=30)}
    assert list(dumps_with("1.5000", load_export("orders"))) == [], "no column of text has it"
    [line, _] = dumps_in_words("a")
    assert f"given to partners, holds 1 row of the person and goes after {found[0].goes_after} (keep_days of orders)" in line
    assert list(dumps_in_words("nobody")) == []


def test_csv_is_looked_at_too_and_one_that_is_kept_for_ever_says_so(exporting: Exporting) -> None:
    exporting.define("orders", DUMP.replace("keep_days: 30", "keep_days: 0, format: csv, rows_per_file: 1"), DUMP_SQL)
    exporting.arrive(D1, ("a", "1.5"), ('b, "c"', "3"), ("7", "4"))
    exporting.run()
    assert [one.row_count for one in dumps_with('b, "c"', load_export("orders"))] == [1]
    [line] = dumps_in_words("7")
    assert "stays for ever" in line


def test_what_cannot_be_looked_at_is_said(exporting: Exporting) -> None:
    exporting.run()
    [file] = exporting.place.glob("orders/*/*/*.parquet")
    file.write_bytes(b"broken")
    [line] = dumps_in_words("a")
    assert line.startswith("the dumps of orders may hold the person, and could not be looked at")
