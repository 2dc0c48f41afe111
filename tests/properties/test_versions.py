"""History (SCD type 2) made of snapshots: whatever they say, one truth about each moment at which a thing existed.

It is computed from what changed from day to day, and must be what a model makes of all snapshots, one after the other.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.memory import insert, open_in_memory
from tests.properties.worlds import CATEGORIES, Row, money, sometimes

from headline.intervals import DAY, Interval
from headline.pipeline import compile_table
from headline.specs import load
from headline.warehouse import Session

FIRST = date(2026, 3, 1)
FOREVER = datetime.combine(date(9999, 12, 31), time())
EVER = Interval(FIRST, FIRST + 20 * DAY)
CHANGES = "core.product_changes"
ATTRIBUTES = ("category", "unit_cost")
Snapshots = dict[date, list[Row]]


@st.composite
def snapshots(draw: st.DrawFn) -> Snapshots:
    """Anything at all: days missing, rows twice, refused rows, moments out of order, things that come and go."""
    row = st.fixed_dictionaries(
        {
            "product_id": sometimes(st.sampled_from(["lamp", "mug"]), None),
            "category": sometimes(st.sampled_from(CATEGORIES), None),
            "unit_cost": sometimes(money(5), None),
            "updated_at": sometimes(
                st.integers(-5, 40).map(lambda hours: datetime.combine(FIRST, time()) + timedelta(hours=9 * hours)), None
            ),
        }
    )
    offsets = draw(st.sets(st.integers(0, 12), min_size=1, max_size=7))
    return {FIRST + timedelta(days=offset): draw(st.lists(row, max_size=4)) for offset in sorted(offsets)}


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with open_in_memory(["raw.products", CHANGES]) as opened:
        yield opened


def history(session: Session, days: Snapshots) -> tuple[list[Row], list[Row]]:
    """The versions and the refused rows of core.products, its changes computed in one range."""
    clear(session)
    insert(session, "raw.products", [{"ds": day, **row} for day, rows in days.items() for row in rows])
    compute_changes(session, EVER)
    result = session.query(f"{compiled('core.products', EVER)} order by product_id, valid_from")
    rows = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    return [row for row in rows if not row["quarantine_reason"]], [row for row in rows if row["quarantine_reason"]]


def clear(session: Session) -> None:
    for name in ("raw.products", CHANGES):
        session.query(f"delete from {name}")


def arrive(session: Session, day: date, rows: Iterable[Row]) -> None:
    """The snapshot of a day, in place of an earlier one."""
    insert(session, "raw.products", [{"ds": day, **row} for row in rows], where=f"ds = date '{day}'")


def compute_changes(session: Session, interval: Interval) -> None:
    session.query(f"delete from {CHANGES} where ds >= date '{interval.start}' and ds < date '{interval.end}'")
    session.query(f"insert into {CHANGES} {compiled(CHANGES, interval)}")


@cache
def compiled(name: str, interval: Interval) -> str:
    return compile_table(load().table(name), interval, {}, "duckdb")


def rows_of(session: Session, sql: str) -> Counter[tuple[Any, ...]]:
    return Counter(session.query(sql).rows)


def counted(days: Snapshots) -> Iterator[tuple[date, dict[str, Row]]]:
    """Of every snapshot the row of each product that counts, which may be refused: the one that was updated last."""
    for day in sorted(day for day, rows in days.items() if rows):
        by_key: dict[Any, list[Row]] = defaultdict(list)
        for row in days[day]:
            by_key[row["product_id"]].append(row)
        yield day, {key: counts(same) for key, same in by_key.items() if key is not None}


def counts(same: list[Row]) -> Row:
    """The row that was updated last; where rows of that moment contradict it on the cost, nobody knows what it is to say."""
    first = min(same, key=preference)
    costs = {row["unit_cost"] for row in same if row["updated_at"] == first["updated_at"]} - {None}
    return first | ({"contradicted": True} if len(costs) > 1 and first["updated_at"] else {})


def preference(row: Row) -> tuple[Any, ...]:
    """What is updated last comes first, then what costs most, then by category; what is missing comes last."""
    updated_at, unit_cost, category = row["updated_at"], row["unit_cost"], row["category"]
    return (
        updated_at is None,
        FOREVER - updated_at if updated_at else timedelta(),
        unit_cost is None,
        -(unit_cost or 0),
        category is None,
        category or "",
    )


def is_accepted(row: Row) -> bool:
    return None not in (row["product_id"], row["category"], row["updated_at"]) and "contradicted" not in row


def accepted(days: Snapshots) -> Iterator[tuple[date, Row]]:
    """The rows that say something."""
    for day, by_key in counted(days):
        yield from ((day, row) for row in by_key.values() if is_accepted(row))


def midnight(day: date) -> datetime:
    return datetime.combine(day, time())


def modelled(days: Snapshots) -> set[tuple[Any, ...]]:
    """The versions that the rules of the macro `versions` make of all snapshots, told one after the other."""
    versions: set[tuple[Any, ...]] = set()
    for key in ("lamp", "mug"):
        is_first, stay, before = True, [], None
        for day, by_key in [*counted(days), (None, {})]:
            row = by_key.get(key)
            if row is None and before is not None:
                versions |= {(key, *version) for version in versions_of_stay(stay, is_first, end=day)}
                is_first, stay = is_first and not stay, []
            elif row is not None and day is not None and is_accepted(row) and row != before:
                stay.append((day, row))
            before = row
    return versions


def versions_of_stay(stay: list[tuple[date, Row]], is_first: bool, end: date | None) -> Iterator[tuple[Any, ...]]:
    """What holds from when until when, of the statements of a stay that the snapshot of the day `end` is the first to lack."""
    if not stay:
        return
    opens_at, closes_at = midnight(stay[0][0]), FOREVER if end is None else midnight(end + DAY)
    statements: list[tuple[date, datetime, tuple[Any, ...]]] = []
    for (day, row), later in zip(stay, [*(day for day, _ in stay[1:]), None], strict=True):
        updated_at, content = row["updated_at"], tuple(row[name] for name in ATTRIBUTES)
        if updated_at < midnight(day + DAY):
            statements.append((day, updated_at, content))
        elif later is None or updated_at < midnight(later + DAY):
            statements.append((day, midnight(day), content))
    earliest = min(updated_at for _, updated_at, _ in statements)
    # By the moment from which something holds: the moment that it was told with, the day of the snapshot, and what it is.
    timeline: dict[datetime, tuple[datetime, date, tuple[Any, ...]]] = {}

    def holds(moment: datetime, updated_at: datetime, day: date, content: tuple[Any, ...]) -> None:
        told = (updated_at, day, content)
        timeline[moment] = max(timeline.get(moment, told), told)

    known: list[datetime] = []
    has_late = False
    for number, (day, updated_at, content) in enumerate(statements):
        is_new, is_late = updated_at not in known, bool(known) and updated_at <= max(known)
        moment = updated_at if is_first else max(updated_at, opens_at)
        if is_new and updated_at == earliest:
            moment = min(updated_at, opens_at) if is_first else opens_at
        if is_new:
            holds(moment, updated_at, day, content)
        around = statements[number - 1 : number] + statements[number + 1 : number + 2]
        is_taken_back = is_new and number > 0 and len(around) == 2 and around[0][1:] == around[1][1:]
        if (is_late and not is_taken_back) or (has_late and moment <= midnight(statements[number - 1][0])):
            holds(midnight(day), midnight(day), day, content)
        known.append(updated_at)
        has_late = has_late or is_late
    begun: list[tuple[datetime, tuple[Any, ...]]] = []
    for moment in sorted(timeline):
        category, unit_cost = timeline[moment][2]
        begun.append((moment, (category, begun[-1][1][1] if unit_cost is None and begun else unit_cost)))
    begun = begun[:1] + [one for before, one in pairwise(begun) if one[1] != before[1]]
    for (valid_from, content), (valid_to, _) in pairwise([*begun, (closes_at, ())]):
        if valid_from < valid_to:
            yield (*content, valid_from, valid_to)


def versions_do_not_overlap_and_one_is_current(versions: list[Row], refused: list[Row], days: Snapshots) -> None:
    by_key: dict[str, list[Row]] = defaultdict(list)
    for version in versions:
        assert version["valid_from"] < version["valid_to"]
        assert version["is_current"] is (version["valid_to"] == FOREVER)
        by_key[version["product_id"]].append(version)
    for found in by_key.values():
        assert all(one["valid_to"] <= other["valid_from"] for one, other in pairwise(found))
        assert sum(version["is_current"] for version in found) <= 1


def what_a_snapshot_has_exists_on_its_day(versions: list[Row], refused: list[Row], days: Snapshots) -> None:
    """No gap while the thing exists: at the end of each day whose snapshot has an accepted row, exactly one version is valid."""
    for day, row in accepted(days):
        moment = datetime.combine(day, time(23, 59, 59))
        valid = [v for v in versions if v["product_id"] == row["product_id"] and v["valid_from"] <= moment < v["valid_to"]]
        assert (day, row["product_id"], len(valid)) == (day, row["product_id"], 1)


def what_is_absent_ends(versions: list[Row], refused: list[Row], days: Snapshots) -> None:
    """What the newest snapshot lacks has no current version; what it has and accepts is current."""
    last = max((day for day, rows in days.items() if rows), default=None)
    current = {version["product_id"] for version in versions if version["is_current"]}
    assert current <= {row["product_id"] for row in days.get(last or FIRST, [])}
    assert {row["product_id"] for day, row in accepted(days) if day == last} <= current


def versions_say_what_snapshots_said(versions: list[Row], refused: list[Row], days: Snapshots) -> None:
    for name in ATTRIBUTES:  # each by itself: a cost goes on where a snapshot has none
        said = {(row["product_id"], row[name]) for rows in days.values() for row in rows}
        assert {(version["product_id"], version[name]) for version in versions + refused} <= said
    assert all(None not in (version["product_id"], version["category"]) for version in versions)


def the_current_version_is_what_the_newest_snapshot_says(versions: list[Row], refused: list[Row], days: Snapshots) -> None:
    current = {version["product_id"]: version for version in versions if version["is_current"]}
    last = max((day for day, rows in days.items() if rows), default=None)
    for row in (row for day, row in accepted(days) if day == last):
        told = [name for name in ATTRIBUTES if row[name] is not None]
        assert [current[row["product_id"]][name] for name in told] == [row[name] for name in told]


def no_version_begins_after_the_newest_snapshot(versions: list[Row], refused: list[Row], days: Snapshots) -> None:
    assert all(version["valid_from"] < midnight(max(days) + DAY) for version in versions)


def versions_are_what_the_model_makes_of_all_snapshots(versions: list[Row], refused: list[Row], days: Snapshots) -> None:
    found = [tuple(one[name] for name in ("product_id", *ATTRIBUTES, "valid_from", "valid_to")) for one in versions]
    assert len(found) == len(set(found))
    assert set(found) == modelled(days)


LAWS = (
    versions_do_not_overlap_and_one_is_current,
    what_a_snapshot_has_exists_on_its_day,
    what_is_absent_ends,
    versions_say_what_snapshots_said,
    the_current_version_is_what_the_newest_snapshot_says,
    no_version_begins_after_the_newest_snapshot,
    versions_are_what_the_model_makes_of_all_snapshots,
)


@settings(max_examples=120)
@given(snapshots())
def test_a_history_obeys_every_law(session: Session, days: Snapshots) -> None:
    """To compute a history takes far longer than to hold a law against it: each is held against all of them."""
    versions, refused = history(session, days)
    for law in LAWS:
        law(versions, refused, days)


@settings(max_examples=30)
@given(snapshots().flatmap(lambda days: st.tuples(st.just(days), st.permutations(list(days)), snapshots())))
def test_changes_do_not_depend_on_the_order_of_days(session: Session, example: tuple[Snapshots, list[date], Snapshots]) -> None:
    """Snapshots arrive in any order, some of them twice; a day and those after it are computed by themselves each time."""
    days, order, before = example
    history(session, days)
    expected = rows_of(session, f"select * from {CHANGES}")
    clear(session)
    there: set[date] = set()
    for day in [*(day for day in order if day in before), *order]:
        arrive(session, day, (days if day in there or day not in before else before)[day])
        there.add(day)
        for later in sorted(one for one in there if one >= day):
            compute_changes(session, Interval(later, later + DAY))
    assert rows_of(session, f"select * from {CHANGES}") == expected
