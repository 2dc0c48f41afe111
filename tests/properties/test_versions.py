"""History (SCD type 2) made of snapshots: whatever they say, one truth about each moment at which a thing existed.

It is computed from what changed from day to day, and must be what all snapshots at once say.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.memory import open_in_memory
from tests.properties.worlds import CATEGORIES, Row, money, sometimes

from headline.intervals import DAY, Interval
from headline.specs import load
from headline.steps import compile_table
from headline.warehouse import Session

FIRST = date(2026, 3, 1)
FOREVER = datetime.combine(date(9999, 12, 31), time())
EVER = Interval(FIRST, FIRST + 20 * DAY)
CHANGES = "core.product_changes"
OF_ALL_SNAPSHOTS = Path(__file__).with_name("products_of_all_snapshots.sql").read_text()
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
                st.integers(-5, 10).map(lambda hours: datetime.combine(FIRST, time()) + timedelta(hours=9 * hours)), None
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
    for day, rows in days.items():
        arrive(session, day, rows)
    compute_changes(session, EVER)
    result = session.query(f"{compiled('core.products', EVER)} order by product_id, valid_from")
    rows = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    return [row for row in rows if not row["quarantine_reason"]], [row for row in rows if row["quarantine_reason"]]


def clear(session: Session) -> None:
    for name in ("raw.products", CHANGES):
        session.query(f"delete from {name}")


def arrive(session: Session, day: date, rows: Iterable[Row]) -> None:
    """The snapshot of a day, in place of an earlier one."""
    session.query(f"delete from raw.products where ds = date '{day}'")
    for row in rows:
        values = ", ".join("null" if value is None else f"'{value}'" for value in (day, *row.values()))
        session.query(f"insert into raw.products (ds, {', '.join(row)}) values ({values})")


def compute_changes(session: Session, interval: Interval) -> None:
    session.query(f"delete from {CHANGES} where ds >= date '{interval.start}' and ds < date '{interval.end}'")
    session.query(f"insert into {CHANGES} {compiled(CHANGES, interval)}")


@cache
def compiled(name: str, interval: Interval) -> str:
    return compile_table(load().table(name), interval, {}, "duckdb")


def rows_of(session: Session, sql: str) -> Counter[tuple[Any, ...]]:
    return Counter(session.query(sql).rows)


def accepted(days: Snapshots) -> Iterator[tuple[date, Row]]:
    """The rows that say something: complete ones, where a snapshot holds a thing twice the newest (which may be refused)."""
    for day, rows in days.items():
        by_key: dict[Any, list[Row]] = defaultdict(list)
        for row in rows:
            by_key[row["product_id"]].append(row)
        for key, same in by_key.items():
            newest = max(same, key=lambda row: (row["updated_at"] is not None, row["updated_at"] or FOREVER))
            ties = [row for row in same if row["updated_at"] == newest["updated_at"]]
            if key is not None and newest["updated_at"] is not None and len(ties) == 1 and None not in newest.values():
                yield day, newest


@settings(max_examples=40)
@given(snapshots())
def test_versions_do_not_overlap_and_one_is_current(session: Session, days: Snapshots) -> None:
    versions, _ = history(session, days)
    by_key: dict[str, list[Row]] = defaultdict(list)
    for version in versions:
        assert version["valid_from"] < version["valid_to"]
        assert version["is_current"] is (version["valid_to"] == FOREVER)
        by_key[version["product_id"]].append(version)
    for found in by_key.values():
        assert all(one["valid_to"] <= other["valid_from"] for one, other in pairwise(found))
        assert sum(version["is_current"] for version in found) <= 1


@settings(max_examples=40)
@given(snapshots())
def test_what_a_snapshot_has_exists_on_its_day(session: Session, days: Snapshots) -> None:
    """No gap while the thing exists: at the end of each day whose snapshot has an accepted row, exactly one version is valid."""
    versions, _ = history(session, days)
    for day, row in accepted(days):
        moment = datetime.combine(day, time(23, 59, 59))
        valid = [v for v in versions if v["product_id"] == row["product_id"] and v["valid_from"] <= moment < v["valid_to"]]
        assert (day, row["product_id"], len(valid)) == (day, row["product_id"], 1)


@settings(max_examples=40)
@given(snapshots())
def test_what_is_absent_ends(session: Session, days: Snapshots) -> None:
    """What the newest snapshot lacks has no current version; what it has and accepts is current."""
    versions, _ = history(session, days)
    last = max((day for day, rows in days.items() if rows), default=None)
    current = {version["product_id"] for version in versions if version["is_current"]}
    assert current <= {row["product_id"] for row in days.get(last or FIRST, [])}
    assert {row["product_id"] for day, row in accepted(days) if day == last} <= current


@settings(max_examples=40)
@given(snapshots())
def test_versions_say_what_snapshots_said(session: Session, days: Snapshots) -> None:
    versions, refused = history(session, days)
    said = {(row["product_id"], row["category"], row["unit_cost"]) for rows in days.values() for row in rows}
    assert {(version["product_id"], version["category"], version["unit_cost"]) for version in versions + refused} <= said
    assert all(None not in (version["product_id"], version["category"], version["unit_cost"]) for version in versions)


@settings(max_examples=60)
@given(snapshots())
def test_versions_are_those_of_all_snapshots_at_once(session: Session, days: Snapshots) -> None:
    history(session, days)
    assert rows_of(session, compiled("core.products", EVER)) == rows_of(session, OF_ALL_SNAPSHOTS)


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
    assert rows_of(session, compiled("core.products", EVER)) == rows_of(session, OF_ALL_SNAPSHOTS)
