"""History (SCD type 2) made of snapshots: whatever they say, one truth about each moment at which a thing existed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.properties.worlds import CATEGORIES, Row, money, sometimes

from headline.connections import Connection
from headline.intervals import DAY, Interval
from headline.specs import load, load_contract
from headline.steps import compile_table
from headline.warehouse import Session
from headline.warehouse.duckdb import DuckDBWarehouse

FIRST = date(2026, 3, 1)
FOREVER = datetime.combine(date(9999, 12, 31), time())
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
    with DuckDBWarehouse(Connection("memory", "duckdb", host=":memory:", extra={"threads": 1})).session() as opened:
        opened.ensure_table("raw.products", load_contract(load().table("raw.products")))
        yield opened


def history(session: Session, days: Snapshots) -> tuple[list[Row], list[Row]]:
    """The versions and the refused rows of core.products."""
    session.query("delete from raw.products")
    for day, rows in days.items():
        for row in rows:
            values = ", ".join("null" if value is None else f"'{value}'" for value in (day, *row.values()))
            session.query(f"insert into raw.products (ds, {', '.join(row)}) values ({values})")
    sql = compile_table(load().table("core.products"), Interval(FIRST, FIRST + DAY), {}, "duckdb")
    result = session.query(f"{sql} order by product_id, valid_from")
    rows = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    return [row for row in rows if not row["quarantine_reason"]], [row for row in rows if row["quarantine_reason"]]


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
