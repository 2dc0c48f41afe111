"""Which days are computed: those asked for, and those whose inputs changed after they were."""

from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headline.intervals import DAY, Interval, from_days
from headline.ledger import Change, intervals_to_compute, is_outdated, missing_days
from headline.specs import Window

D = [date(2026, 3, 1) + timedelta(days=i) for i in range(40)]
T = "core.t"


def days(first: int, last: int | None = None) -> Interval:
    return Interval(D[first], D[last if last is not None else first] + DAY)


def to_compute(
    requested: Interval,
    window: Window,
    published: Sequence[Change] = (),
    changed: Sequence[Change] = (),
    recomputed: Sequence[Interval] = (),
    period: str = "day",
) -> list[Interval]:
    own = {"core.own": recomputed} if recomputed else {}
    return intervals_to_compute(requested, period, {"raw.x": window, "core.own": window}, published, changed, own)  # type: ignore[arg-type]


def test_nothing_but_the_request_where_nothing_was_published() -> None:
    changed = [Change("raw.x", days(0, 39), 5)]
    assert to_compute(days(3), Window(days_before="all"), changed=changed) == [days(3)]


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (Window(), [days(10)]),
        (Window(days_before=2), [days(10, 12)]),
        (Window(days_after=2), [days(8, 10)]),
        (Window(days_before=1, days_after=1), [days(9, 11)]),
        (Window(days_before="all"), [days(10, 19)]),
        (Window(days_after="all"), [days(0, 10)]),
        (Window(days_before="all", days_after=3), [days(7, 19)]),
        (Window(days_before="all", days_after="all"), [days(0, 19)]),
    ],
)
def test_a_change_reaches_the_published_days_whose_window_meets_it(window: Window, expected: list[Interval]) -> None:
    published = [Change(T, days(0, 19), version=2, as_of=1)]
    assert to_compute(days(10), window, published, [Change("raw.x", days(10), 3)]) == expected


def test_a_change_that_was_seen_already_is_none() -> None:
    published = [Change(T, days(0, 19), version=9, as_of=5)]
    assert to_compute(days(30), Window(), published, [Change("raw.x", days(10), 5)]) == [days(30)]
    assert to_compute(days(30), Window(), published, [Change("raw.x", days(10), 6)]) == [days(10), days(30)]


def test_a_change_between_seeing_and_publishing_is_not_lost() -> None:
    published = [Change(T, days(10), version=9, as_of=5)]
    assert to_compute(days(30), Window(), published, [Change("raw.x", days(10), 7)]) == [days(10), days(30)]


def test_the_newest_publication_of_a_day_counts() -> None:
    published = [Change(T, days(0, 19), 4, as_of=3), Change(T, days(10), 9, as_of=8)]
    assert to_compute(days(30), Window(), published, [Change("raw.x", days(9, 11), 7)]) == [days(9), days(11), days(30)]


def test_what_this_run_computes_of_its_inputs_reaches_the_tables_after_them() -> None:
    published = [Change(T, days(0, 19), 4, as_of=99)]
    assert to_compute(days(20), Window(days_before=2), published, recomputed=[days(5)]) == [days(5, 7), days(20)]


def test_months_are_computed_whole() -> None:
    published = [Change(T, Interval(date(2026, 3, 1), date(2026, 4, 1)), 4, as_of=3)]
    requested = Interval(date(2026, 4, 9), date(2026, 4, 10))
    found = to_compute(requested, Window(), published, [Change("raw.x", days(5), 7)], period="month")
    assert found == [Interval(date(2026, 3, 1), date(2026, 5, 1))]


windows = st.builds(Window, days_before=st.integers(0, 5) | st.just("all"), days_after=st.integers(0, 5) | st.just("all"))
spans = st.builds(lambda first, length: days(first, min(39, first + length)), st.integers(0, 39), st.integers(0, 10))


@given(windows, spans, spans)
def test_outdated_is_what_depends_on_a_change(window: Window, computed: Interval, changed: Interval) -> None:
    def depends(day: date) -> bool:
        before = range(40 if window.days_before == "all" else window.days_before + 1)
        after = range(40 if window.days_after == "all" else window.days_after + 1)
        read = {day - i * DAY for i in before} | {day + i * DAY for i in after}
        return bool(read & set(changed))

    stale = [day for day in computed if depends(day)]
    assert is_outdated([computed], {"raw.x": window}, [Change("raw.x", changed, 1)]) == bool(stale)
    again = to_compute(days(39), window, [Change(T, computed, 1)], [Change("raw.x", changed, 2)])
    assert again == from_days([*stale, D[39]])


def test_missing_days_are_those_that_nothing_covers() -> None:
    published = [Change(T, days(1, 2), 1), Change(T, days(2), 3), Change(T, days(5), 4)]
    assert missing_days(days(0, 5), published) == [D[0], D[3], D[4]]


def test_gaps_before_the_request_are_missing_where_the_window_forbids_them() -> None:
    published = [Change(T, days(3, 5), 1), Change(T, days(7), 2), Change(T, days(9), 3)]
    assert missing_days(days(9), published, Window(days_before="all")) == []
    assert missing_days(days(9), published, Window(days_before="all", without_gaps=True)) == [D[6], D[8]]
    assert missing_days(days(9), published, Window(days_before=2, without_gaps=True)) == [D[8]]
    assert missing_days(days(10), published, Window(days_before=1, without_gaps=True)) == [D[10]]
    assert missing_days(days(0, 3), published, Window(days_before="all", without_gaps=True)) == [D[0], D[1], D[2]]
    assert missing_days(days(0), [], Window(days_before="all", without_gaps=True)) == [D[0]]
