"""Which published periods are stale: an input in reach of their window changed after they were computed."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.records import days_of, record

from headline import specs
from headline.intervals import DAY, Interval, merge
from headline.ledger import (
    Change,
    Ledger,
    PeriodState,
    Published,
    missing_days,
    missing_inputs,
    stale_periods,
    stale_states,
    touched,
)
from headline.specs import Window

D = [date(2026, 3, 1) + timedelta(days=i) for i in range(40)]
T = "core.t"
MOMENT = datetime(2026, 5, 1, tzinfo=UTC)


def days(first: int, last: int | None = None) -> Interval:
    return Interval(D[first], D[last if last is not None else first] + DAY)


def state(interval: Interval, as_of: int) -> PeriodState:
    return PeriodState(T, interval, as_of, as_of, "f", 1, "complete", Decimal(1), "run", MOMENT, MOMENT)


def states(first: int, last: int, as_of: int) -> list[PeriodState]:
    return [state(days(n), as_of) for n in range(first, last + 1)]


def stale(known: Sequence[PeriodState], window: Window, *changed: Change) -> list[Interval]:
    return merge(one.interval for one in stale_periods(known, {"raw.x": window}, changed))


def test_what_was_never_published_is_not_stale() -> None:
    assert stale([], Window(lookback_days="all"), Change("raw.x", days(0, 39), 5)) == []


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        (Window(), [days(10)]),
        (Window(lookback_days=2), [days(10, 12)]),
        (Window(lookahead_days=2), [days(8, 10)]),
        (Window(lookback_days=1, lookahead_days=1), [days(9, 11)]),
        (Window(lookback_days="all"), [days(10, 19)]),
        (Window(lookahead_days="all"), [days(0, 10)]),
        (Window(lookback_days="all", lookahead_days=3), [days(7, 19)]),
        (Window(lookback_days="all", lookahead_days="all"), [days(0, 19)]),
    ],
)
def test_a_change_reaches_the_published_days_whose_window_meets_it(window: Window, expected: list[Interval]) -> None:
    assert stale(states(0, 19, as_of=1), window, Change("raw.x", days(10), 3)) == expected


def test_a_change_that_was_seen_already_is_none() -> None:
    assert stale(states(0, 19, as_of=5), Window(), Change("raw.x", days(10), 5)) == []
    assert stale(states(0, 19, as_of=5), Window(), Change("raw.x", days(10), 6)) == [days(10)]


def test_each_day_is_held_against_its_own_as_of() -> None:
    known = [state(days(n), as_of=8 if n == 10 else 3) for n in range(20)]
    assert stale(known, Window(), Change("raw.x", days(9, 11), 7)) == [days(9), days(11)]


def test_months_are_stale_whole() -> None:
    march = Interval(date(2026, 3, 1), date(2026, 4, 1))
    assert stale([state(march, 3)], Window(), Change("raw.x", days(5), 7)) == [march]
    assert stale([state(march, 3)], Window(lookback_days=2), Change("raw.x", Interval(date(2026, 2, 26), march.start), 7)) == [
        march
    ]
    assert (
        stale([state(march, 3)], Window(lookback_days=2), Change("raw.x", Interval(date(2026, 2, 26), date(2026, 2, 27)), 7))
        == []
    )


windows = st.builds(Window, lookback_days=st.integers(0, 5) | st.just("all"), lookahead_days=st.integers(0, 5) | st.just("all"))
spans = st.builds(lambda first, length: days(first, min(39, first + length)), st.integers(0, 39), st.integers(0, 10))


@given(windows, spans, spans)
def test_what_depends_on_a_change_is_touched_by_it(window: Window, computed: Interval, changed: Interval) -> None:
    def depends(day: date) -> bool:
        before = range(40 if window.lookback_days == "all" else window.lookback_days + 1)
        after = range(40 if window.lookahead_days == "all" else window.lookahead_days + 1)
        read = {day - i * DAY for i in before} | {day + i * DAY for i in after}
        return bool(read & set(changed))

    expected = [day for day in computed if depends(day)]
    change = Change("raw.x", changed, 2)
    assert bool(touched([computed], {"raw.x": window}, [change])) == bool(expected)
    daily = [Interval(day, day + DAY) for day in computed]
    assert [one.start for one in touched(daily, {"raw.x": window}, [change])] == expected
    assert [
        one.interval.start for one in stale_periods([state(day, 1) for day in daily], {"raw.x": window}, [change])
    ] == expected


# on a real ledger: the table core.orders of the throw-away repository reads raw.orders


def stale_days(ledger: Ledger, table: str, *within: Interval, **limits: Any) -> list[date]:
    catalog = specs.load()
    reads: Mapping[str, Window] = catalog.makers[table].reads_by_table(catalog.tables[table])
    return [one.interval.start for one in stale_states(catalog.tables[table], reads, ledger, *within, **limits)]


@pytest.fixture
def shop(project: Any) -> Ledger:
    """Twenty days of raw.orders and core.orders, none of them stale."""
    ledger: Ledger = project.ledger
    record(ledger, *days_of("raw.orders", D[0], D[19]))
    record(ledger, *days_of("core.orders", D[0], D[19]))
    return ledger


@settings(max_examples=60, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(st.tuples(st.sampled_from(["raw.x", "raw.y"]), spans), min_size=1, max_size=6),
    windows,
    windows,
    spans,
    st.integers(0, 6),
)
def test_the_changes_that_the_ledger_tells_are_those_that_matter(
    ledger: Ledger, postgres: str, found: list[tuple[str, Interval]], x: Window, y: Window, asked: Interval, since: int
) -> None:
    """Of each day asked for, the newest version among all days of its windows, where it is after `since`."""
    with closing(psycopg2.connect(host=postgres, user="postgres", dbname="ledger")) as connection, connection:
        connection.cursor().execute("set session_replication_role = replica")  # history is kept by triggers
        connection.cursor().execute("truncate period_state, publication; alter sequence version restart")
    reads = {"raw.x": x, "raw.y": y}
    versions: dict[tuple[str, date], int] = {}
    for number, (table, interval) in enumerate(found, start=1):
        record(ledger, *days_of(table, interval.start, interval.end - DAY, content=str(number)))
        versions |= {(table, day): number for day in interval}

    def newest(day: date) -> int:
        return max(
            (version for (name, other), version in versions.items() if reaches(reads[name], day, other) and version > since),
            default=0,
        )

    told = ledger.changes(reads, asked, since)
    for day in asked:
        seen = [change.version for change in told if touched([Interval(day, day + DAY)], reads, [change])]
        assert max(seen, default=0) == newest(day)


def reaches(window: Window, day: date, other: date) -> bool:
    before = window.lookback_days == "all" or other >= day - window.lookback_days * DAY
    return before and (window.lookahead_days == "all" or other <= day + window.lookahead_days * DAY)


def test_stale_days_are_found_wherever_they_are(shop: Ledger) -> None:
    assert stale_days(shop, "core.orders") == []
    record(shop, *days_of("raw.orders", D[2], D[3], content="b"))
    between = shop.newest_version()
    record(shop, *days_of("raw.orders", D[15], content="b"))
    assert stale_days(shop, "core.orders") == [D[2], D[3], D[15]]
    assert stale_days(shop, "core.orders", days(3, 10)) == [D[3]]
    assert stale_days(shop, "core.orders", limits=(0, between)) == [D[2], D[3]]
    assert stale_days(shop, "core.orders", limits=(between, 99)) == [D[15]]
    record(shop, unchanged={"core.orders": [D[3]]})
    assert stale_days(shop, "core.orders") == [D[2], D[15]]


def test_a_table_that_is_replaced_whole_is_stale_as_a_whole(project: Any) -> None:
    """Whatever its windows say: it was computed from all days, so the newest computation counts."""
    spec, ledger = "core/core_shop/pipeline.yml", project.ledger
    for reads in ("raw.orders:\n", "raw.orders: {lookback_days: 3, lookahead_days: 2}\n", "raw.orders: {lookback_days: all}\n"):
        record(ledger, *days_of("raw.orders", D[0], D[5], content=reads))
        project.replace(spec, "    key: [order_id]\n", "    key: [order_id]\n    period: all\n")
        project.replace(spec, "raw.orders:\n", reads)
        record(ledger, *days_of("core.orders", D[0], D[3]))
        assert stale_days(ledger, "core.orders") == []
        record(ledger, *days_of("raw.orders", D[5], content="b"))
        assert stale_days(ledger, "core.orders") == [D[3]]
        record(ledger, unchanged={"core.orders": [D[1]]})
        assert stale_days(ledger, "core.orders") == []
        project.replace(spec, reads, "raw.orders:\n")
        project.replace(spec, "    key: [order_id]\n    period: all\n", "    key: [order_id]\n")


def test_missing_inputs_are_named_by_table_and_day(ledger: Ledger) -> None:
    reads = {"raw.x": Window(), "landing.x": Window(), "raw.y": Window(lookback_days="all", without_gaps=True)}
    assert missing_inputs(reads, days(4, 5), ledger) == {name: [D[4], D[5]] for name in reads}
    record(ledger, *days_of("raw.x", D[4]), *days_of("raw.y", D[1]), *days_of("raw.y", D[3], D[5]))
    assert missing_inputs(reads, days(4, 5), ledger) == {"raw.x": [D[5]], "landing.x": [D[4], D[5]], "raw.y": [D[2]]}
    record(ledger, *days_of("raw.x", D[5]), *days_of("raw.y", D[2]), Published("landing.x", days(0, 9), "f", 1))
    assert missing_inputs(reads, days(4, 5), ledger) == {}
    bounded = {"raw.y": Window(lookback_days=2, without_gaps=True)}
    assert missing_inputs(bounded, days(7), ledger) == {"raw.y": [D[6], D[7]]}


def test_missing_days_are_those_that_nothing_covers() -> None:
    published = [days(1, 2), days(2), days(5)]
    assert missing_days(days(0, 5), published) == [D[0], D[3], D[4]]


def test_gaps_before_the_request_are_missing_where_the_window_forbids_them() -> None:
    published = [days(3, 5), days(7), days(9)]
    assert missing_days(days(9), published, Window(lookback_days="all")) == []
    assert missing_days(days(9), published, Window(lookback_days="all", without_gaps=True)) == [D[6], D[8]]
    assert missing_days(days(9), published, Window(lookback_days=2, without_gaps=True)) == [D[8]]
    assert missing_days(days(10), published, Window(lookback_days=1, without_gaps=True)) == [D[10]]
    assert missing_days(days(0, 3), published, Window(lookback_days="all", without_gaps=True)) == [D[0], D[1], D[2]]
    assert missing_days(days(0), [], Window(lookback_days="all", without_gaps=True)) == [D[0]]
