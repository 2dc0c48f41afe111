"""Laws of what a warehouse says of its rows: fingerprints that tell equal from other, and days on which a history differs.

One staging session without a file serves all examples; what is published is a table beside the staged one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from tests.unit.warehouse.tables import make_table

from headline.intervals import DAY, Interval
from headline.specs import Table
from headline.warehouse.duckdb.session import DuckDBSession
from headline.warehouse.duckdb.staging import DuckDBStaging

REPEATABLE = settings(
    max_examples=60, derandomize=True, database=None, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
at = datetime.fromisoformat
D1, D2 = date(2026, 3, 1), date(2026, 3, 2)
FOREVER = at("9999-12-31")


class Attached(DuckDBStaging):
    """Staging beside a warehouse in memory that is always attached."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        DuckDBSession.__init__(self, connection)

    @contextmanager
    def reading(self) -> Iterator[None]:
        yield


@pytest.fixture(scope="module")
def session() -> Iterator[Attached]:
    connection = duckdb.connect(":memory:", config={"threads": 1})
    for statement in ("load icu", "attach ':memory:' as warehouse", "attach ':memory:' as staging", "use warehouse"):
        connection.execute(statement)
    connection.execute("create schema core")
    yield Attached(connection)
    connection.close()


# fingerprints

COLUMNS = {"ds": "date", "name": "text", "note": "text", "amount": "decimal(18, 4)", "seen": "timestamp", "is_new": "boolean"}
ROW = st.tuples(
    st.sampled_from([D1, D2]),
    st.sampled_from(["", "a", "b", "ab", None]),
    st.sampled_from(["", "a", "b", "ab", None]),
    st.sampled_from([None, Decimal("0.0000"), Decimal("1.0000"), Decimal("-1.0000"), Decimal("0.0001")]),
    st.sampled_from([None, at("2026-03-01"), at("2026-03-01 12:00")]),
    st.sampled_from([None, True, False]),
)
Row = tuple[Any, ...]


@pytest.fixture(scope="module")
def rows_table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    return make_table(tmp_path_factory.mktemp("rows"), "rows", COLUMNS)


def literal(value: Any) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else f"'{value}'"


def select_of(rows: Sequence[Row], columns: dict[str, str]) -> str:
    """The rows with these types."""
    kinds = [kind if kind != "text" else "varchar" for kind in columns.values()]
    if not rows:
        return (
            "select " + ", ".join(f"cast(null as {k}) as {name}" for name, k in zip(columns, kinds, strict=True)) + " where false"
        )
    listed = ", ".join("(" + ", ".join(map(literal, row)) + ")" for row in rows)
    casts = ", ".join(f"cast({name} as {kind}) as {name}" for name, kind in zip(columns, kinds, strict=True))
    return f"select {casts} from (values {listed}) as v({', '.join(columns)})"


def fingerprints(session: Attached, table: Table, rows: Sequence[Row], columns: dict[str, str] | None = None) -> dict[date, str]:
    contents = session.stage(table, [select_of(rows, columns or COLUMNS)])
    return {cast(date, one.start): one.fingerprint for one in contents}


def by_day(rows: Sequence[Row]) -> dict[date, Counter[Row]]:
    return {day: Counter(row for row in rows if row[0] == day) for day in {row[0] for row in rows}}


@REPEATABLE
@given(st.lists(ROW, max_size=6), st.lists(ROW, max_size=6))
def test_a_fingerprint_is_that_of_the_rows_as_often_as_they_are_there(
    session: Attached, rows_table: Table, one: list[Row], other: list[Row]
) -> None:
    first, second = fingerprints(session, rows_table, one), fingerprints(session, rows_table, other)
    mine, theirs = by_day(one), by_day(other)
    assert first.keys() == mine.keys()
    for day in mine.keys() & theirs.keys():
        assert (first[day] == second[day]) is (mine[day] == theirs[day])


def test_two_rows_twice_are_not_two_other_rows_twice(session: Attached, rows_table: Table) -> None:
    one, other = [(D1, name, None, None, None, None) for name in ("a", "b")]
    pairs = [[one, one], [other, other], [one, other], [one] * 4, [one, one, other, other]]
    assert len({fingerprints(session, rows_table, rows)[D1] for rows in pairs}) == len(pairs)


@REPEATABLE
@given(st.lists(ROW, min_size=1, max_size=8), st.randoms(use_true_random=False), st.data())
def test_a_fingerprint_does_not_know_the_order_and_knows_each_row(
    session: Attached, rows_table: Table, rows: list[Row], random: Any, data: st.DataObject
) -> None:
    expected = fingerprints(session, rows_table, rows)
    mixed = random.sample(rows, len(rows))
    assert fingerprints(session, rows_table, mixed) == expected
    assert fingerprints(session, rows_table, [*mixed, mixed[0]]) != expected, "a row more"
    column = data.draw(st.integers(1, len(COLUMNS) - 1))
    changed = list(mixed[0])
    changed[column] = data.draw(ROW)[column]
    assume(changed[column] != mixed[0][column])
    assert fingerprints(session, rows_table, [tuple(changed), *mixed[1:]]) != expected, "a value of a row"
    swapped = [(row[0], row[2], row[1], *row[3:]) for row in rows]
    assert (fingerprints(session, rows_table, swapped) == expected) is (by_day(swapped) == by_day(rows)), "columns are no set"


@REPEATABLE
@given(st.lists(ROW, min_size=1, max_size=5))
def test_types_that_the_contract_casts_make_no_difference(session: Attached, rows_table: Table, rows: list[Row]) -> None:
    """What is published has the types of the contract: its fingerprint must be that of what was staged."""
    expected = fingerprints(session, rows_table, rows)
    looser = COLUMNS | {"amount": "decimal(38, 6)", "is_new": "integer", "seen": "timestamp with time zone"}
    session.query("set TimeZone = 'UTC'")
    assert fingerprints(session, rows_table, rows, looser) == expected
    session.query(f"create or replace table core.rows as {select_of(rows, COLUMNS)}")
    published = session.published_contents(rows_table)
    assert {cast(date, one.start): one.fingerprint for one in published} == expected


# histories

Version = tuple[str, int | None, datetime, datetime]
ZONES = ["UTC", "Asia/Tokyo", "America/New_York"]
FIRST = at("2026-03-06")  # New York's clocks go forward on the eighth
LAST_DAY = date(2026, 3, 14)
# Days begin at 0:00 UTC in UTC, at 15:00 the day before in Tokyo, at 5:00 and later 4:00 in New York.
INSTANTS = st.builds(
    lambda day, hour: FIRST + timedelta(days=day, hours=hour), st.integers(0, 8), st.sampled_from([0, 4, 5, 10, 15])
)


@st.composite
def histories(draw: st.DrawFn) -> list[Version]:
    """Of two keys, versions one after the other, with gaps or without, the last of which may hold for ever."""
    found: list[Version] = []
    for key in ("lamp", "mug"):
        instants = sorted(draw(st.sets(INSTANTS, max_size=5)))
        ends = [*instants[1:], FOREVER if draw(st.booleans()) else None]
        for starts_at, ends_at in zip(instants, ends, strict=False):
            if ends_at is not None and draw(st.integers(0, 4)):
                found.append((key, draw(st.sampled_from([1, 2, None])), starts_at, ends_at))
    return found


@pytest.fixture(scope="module")
def history_table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    columns = {"key": "text", "cost": "integer", "valid_from": "timestamp", "valid_to": "timestamp", "is_current": "boolean"}
    return make_table(tmp_path_factory.mktemp("history"), "history", columns, key=["key", "valid_from"], period="all")


def changed_days(
    session: Attached, table: Table, before: list[Version], after: list[Version], zone: str, cost: str = "integer"
) -> set[date]:
    columns = {"key": "text", "cost": "integer", "valid_from": "timestamp", "valid_to": "timestamp", "is_current": "boolean"}
    rows = [[(*version, version[3] == FOREVER) for version in versions] for versions in (before, after)]
    session.query(f"create or replace table core.history as {select_of(rows[0], columns)}")
    session.stage(table, [select_of(rows[1], columns | {"cost": cost})])
    found = session.changed_days(table, zone)
    far = Interval(FIRST.date() - 3 * DAY, LAST_DAY + 3 * DAY)
    return {day for day in far if any(one.start <= day < one.end for one in found)}


def valid(versions: list[Version], key: str, moment: datetime) -> list[int | None]:
    return [cost for mine, cost, starts_at, ends_at in versions if mine == key and starts_at <= moment < ends_at]


def expected_days(before: list[Version], after: list[Version], zone: str) -> set[date]:
    """Hour by hour: the business days in which there is an hour whose valid rows differ. All instants are full hours."""
    found: set[date] = set()
    moment = FIRST - timedelta(days=3)
    while moment < at("2026-03-19"):
        if any(valid(before, key, moment) != valid(after, key, moment) for key in ("lamp", "mug")):
            found.add(moment.replace(tzinfo=ZoneInfo("UTC")).astimezone(ZoneInfo(zone)).date())
        moment += timedelta(hours=1)
    far = Interval(FIRST.date() - 3 * DAY, LAST_DAY + 3 * DAY)
    return found & set(far)


@REPEATABLE
@given(histories(), histories(), st.sampled_from(ZONES))
def test_the_days_of_a_history_that_changed_are_those_on_which_something_else_was_valid(
    session: Attached, history_table: Table, before: list[Version], after: list[Version], zone: str
) -> None:
    assert changed_days(session, history_table, before, after, zone) == expected_days(before, after, zone)


@REPEATABLE
@given(histories(), st.sampled_from(ZONES), st.data())
def test_one_edit_of_a_history_changes_no_other_days(
    session: Attached, history_table: Table, before: list[Version], zone: str, data: st.DataObject
) -> None:
    """A row that is deleted, a cost that is another one, an end that moves."""
    assume(before)
    index = data.draw(st.integers(0, len(before) - 1))
    key, cost, starts_at, ends_at = before[index]
    edits: list[list[Version]] = [[], [(key, 7, starts_at, ends_at)], [(key, cost, starts_at, starts_at + timedelta(hours=1))]]
    after = [*before[:index], *data.draw(st.sampled_from(edits)), *before[index + 1 :]]
    found = changed_days(session, history_table, before, after, zone)
    assert found == expected_days(before, after, zone)


@REPEATABLE
@given(histories(), st.sampled_from(ZONES), st.data())
def test_a_version_that_is_split_into_equal_neighbours_changes_nothing(
    session: Attached, history_table: Table, before: list[Version], zone: str, data: st.DataObject
) -> None:
    assume(before)
    index = data.draw(st.integers(0, len(before) - 1))
    key, cost, starts_at, ends_at = before[index]
    middle = starts_at + min(timedelta(hours=2), (ends_at - starts_at) / 2)
    after = [*before[:index], (key, cost, starts_at, middle), (key, cost, middle, ends_at), *before[index + 1 :]]
    assert changed_days(session, history_table, before, after, zone) == set()
    assert changed_days(session, history_table, after, before, zone) == set()
    assert changed_days(session, history_table, before, before, zone) == set()


def test_rows_of_other_types_are_compared_as_they_are_published(session: Attached, history_table: Table) -> None:
    """Of a key that changed at its end, the days before are as they were, whatever type a SELECT gives its columns."""
    before = [("lamp", 1, FIRST, FOREVER)]
    after = [("lamp", 1, FIRST, at("2026-03-10")), ("lamp", 2, at("2026-03-10"), FOREVER)]
    expected = expected_days(before, after, "UTC")
    assert changed_days(session, history_table, before, after, "UTC", cost="decimal(18, 2)") == expected
    assert min(expected) == date(2026, 3, 10)


def test_what_holds_for_ever_changes_all_days_from_its_beginning(session: Attached, history_table: Table) -> None:
    columns = {"key": "text", "cost": "integer", "valid_from": "timestamp", "valid_to": "timestamp", "is_current": "boolean"}
    session.query(f"create or replace table core.history as {select_of([], columns)}")
    session.stage(history_table, [select_of([("lamp", 1, at("2026-03-01 20:00"), FOREVER, True)], columns)])
    assert session.changed_days(history_table, "UTC") == [Interval(D1, date.max)]
    assert session.changed_days(history_table, "Asia/Tokyo") == [Interval(D2, date.max)]
