from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headline.errors import BadRequest
from headline.intervals import Interval, from_days, merge

days = st.dates(date(2020, 1, 1), date(2027, 12, 31))
intervals = st.builds(lambda start, length: Interval(start, start + timedelta(days=length)), days, st.integers(1, 90))


def interval(start: str, end: str) -> Interval:
    return Interval.from_json([start, end])


@pytest.mark.parametrize("end", ["2026-01-01", "2025-12-31"])
def test_an_interval_without_a_day_is_refused(end: str) -> None:
    with pytest.raises(BadRequest, match="holds no day"):
        interval("2026-01-01", end)


@pytest.mark.parametrize(
    ("period", "given_interval", "widened"),
    [
        ("day", ("2026-01-31", "2026-02-02"), ("2026-01-31", "2026-02-02")),
        ("all", ("2026-01-31", "2026-02-02"), ("2026-01-31", "2026-02-02")),
        ("week", ("2026-03-02", "2026-03-09"), ("2026-03-02", "2026-03-09")),
        ("week", ("2026-03-08", "2026-03-09"), ("2026-03-02", "2026-03-09")),
        ("week", ("2026-03-08", "2026-03-10"), ("2026-03-02", "2026-03-16")),
        ("week", ("2025-12-31", "2026-01-01"), ("2025-12-29", "2026-01-05")),
        ("month", ("2026-02-01", "2026-03-01"), ("2026-02-01", "2026-03-01")),
        ("month", ("2024-02-29", "2024-03-01"), ("2024-02-01", "2024-03-01")),
        ("month", ("2025-12-31", "2026-01-02"), ("2025-12-01", "2026-02-01")),
    ],
)
def test_widening_takes_in_whole_periods(period: str, given_interval: tuple[str, str], widened: tuple[str, str]) -> None:
    assert interval(*given_interval).widen(period) == interval(*widened)  # type: ignore[arg-type]


@given(intervals, st.sampled_from(["week", "month"]))
def test_widening_holds_the_interval_and_needs_no_second_time(one: Interval, period: str) -> None:
    wide = one.widen(period)  # type: ignore[arg-type]
    assert set(one) <= set(wide)
    assert wide.widen(period) == wide  # type: ignore[arg-type]
    starts = {"week": lambda day: day.weekday() == 0, "month": lambda day: day.day == 1}
    assert starts[period](wide.start)
    assert starts[period](wide.end)


@given(st.lists(intervals, max_size=8))
def test_merging_keeps_the_days_in_the_fewest_intervals(many: list[Interval]) -> None:
    merged = merge(many)
    assert {day for one in merged for day in one} == {day for one in many for day in one}
    assert all(one.end < other.start for one, other in pairwise(merged))
    assert merge(reversed(merged)) == merged


def test_days_become_intervals_whatever_their_order() -> None:
    found = from_days([date(2026, 1, 3), date(2026, 1, 1), date(2026, 1, 2), date(2026, 1, 2), date(2026, 1, 5)])
    assert found == [interval("2026-01-01", "2026-01-04"), interval("2026-01-05", "2026-01-06")]


@given(intervals, intervals)
def test_overlapping_is_having_a_day_in_common(one: Interval, other: Interval) -> None:
    assert one.overlaps(other) == bool(set(one) & set(other))


@given(intervals)
def test_json_gives_the_interval_back(one: Interval) -> None:
    assert Interval.from_json(one.to_json()) == one
    assert len(one) == len(list(one))
