"""docs/scale.md: what Athena would cost, and the arithmetic behind it."""

from typing import Any

import pytest
from benchmarks import at_scale
from benchmarks.at_scale import DAYS, LEAST, PAGE, Cost, Shop, generated, measured, statement

from headline import specs
from headline.runbooks.document import parts

# Two tables with a day of 1000 bytes each, for 10 lines: one reads the other's day and week, or all of it.
TABLES: dict[str, Any] = {
    "core.lines": {
        "grows": True,
        "whole": False,
        "staged_periods": 1,
        "published_periods": 1,
        "rows": 100,
        "bytes": 10_000,
        "reads": [],
    },
    "core.days": {
        "grows": False,
        "whole": False,
        "staged_periods": 1,
        "published_periods": 0,
        "rows": 10,
        "bytes": 10_000,
        "reads": [],
    },
}
READ = {"table": "core.lines", "files": 1, "of": 10, "bytes": 5_000, "asked": True}


def shop(lines: int = 10 * DAYS, **reads: Any) -> Shop:
    days = TABLES["core.days"] | {"reads": [READ | reads]}
    return Shop(lines, {"days": 10, "order_lines": 100, "tables": TABLES | {"core.days": days}})


def test_the_page_shows_what_the_command_prints() -> None:
    assert parts(PAGE.read_text()) == generated(), "run `python -m benchmarks.at_scale --write`"


def test_every_table_is_measured() -> None:
    found = measured()
    assert set(found["tables"]) == set(specs.load().tables), "run `python -m benchmarks.partitions`"
    unread = {name for name, one in found["tables"].items() if not one["reads"] and not name.startswith("raw.")}
    # Corrections, of which the demo company has none in these days; and which days there are, which is no column.
    assert unread == {f"core.{source}_superseded" for source in ("app", "finance", "shop")} | {"profit.refund_windows"}
    named = {read["table"] for one in found["tables"].values() for read in one["reads"]}
    assert {"core.order_lines", "core.user_days", "profit.unit_profit"} <= named


def test_statements_do_not_grow_with_size_and_are_at_most_three_a_table() -> None:
    costs = [Shop(lines, measured()) for lines in at_scale.SIZES]
    counts = {one.total(one.daily).statements for one in costs}
    assert len(counts) == 1
    assert counts.pop() <= 3 * len(measured()["tables"])


@pytest.mark.parametrize(
    ("reads", "scanned"),
    [
        ({}, 500),  # half of the columns of a day of 1000 bytes
        ({"files": 8}, 8 * 500),
        ({"files": 10}, DAYS * 500),  # all that there is
        ({"bytes": 10_000}, 1000),
    ],
)
def test_what_a_statement_reads(reads: dict[str, int], scanned: float) -> None:
    one = shop(**reads)
    assert one.scanned(one.measured["tables"]["core.days"]["reads"]) == pytest.approx(scanned)


def test_a_window_before_a_range_is_read_once() -> None:
    one = shop(files=8)
    assert one.scanned(one.measured["tables"]["core.days"]["reads"], days=92) == pytest.approx((8 + 91) * 500)


def test_ten_times_the_lines_read_and_write_ten_times_as_much_where_a_table_grows() -> None:
    small, large = shop(), shop(100 * DAYS)
    assert large.daily("core.lines").written == pytest.approx(10 * small.daily("core.lines").written)
    assert large.bytes_a_day("core.days") == small.bytes_a_day("core.days") == 1000


def test_a_small_statement_is_charged_as_ten_megabytes() -> None:
    assert statement(1).charged == LEAST
    assert statement(1e12).dollars == pytest.approx(5)
    assert (statement(1e12, 3) + Cost(2, 0, 1e12, 4)) == Cost(3, 1e12, 2e12, 7)
