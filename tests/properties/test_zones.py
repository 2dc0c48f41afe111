"""A day is the same in every zone: what is told in local time gives the figures that it gives where all of it is UTC."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from tests.properties.street import PROFIT, USE, MakeStreet, Rows
from tests.properties.worlds import Row, World, app_worlds, few, worlds

from headline.rules.golden import reporting_zone

MOMENTS = {"ordered_at", "refunded_at", "updated_at", "signed_up_at", "occurred_at", "exposed_at"}


@dataclass(frozen=True)
class Places:
    """Zones, and a day not long before the clocks of one of them change, in Africa/Cairo at midnight."""

    zones: Sequence[str]
    start: date


AHEAD_AND_BEHIND = Places(("Asia/Tokyo", "America/New_York"), date(2026, 3, 2))
AT_MIDNIGHT = Places(("Africa/Cairo",), date(2026, 4, 18))
PLACES = [pytest.param(places, id=" and ".join(places.zones)) for places in (AHEAD_AND_BEHIND, AT_MIDNIGHT)]


def in_zone(world: World, zone: str) -> World:
    """The world with each moment, which is local, as UTC."""
    return World(world.interval, {cell: [told(row, zone) for row in rows] for cell, rows in world.arrived.items()})


def told(row: Row, zone: str) -> Row:
    return {name: in_utc(value, zone) if name in MOMENTS and value is not None else value for name, value in row.items()}


def in_utc(moment: Any, zone: str) -> Any:
    """A moment, or the text of one, from local time to UTC."""
    if isinstance(moment, str):
        return f"{in_utc(datetime.fromisoformat(moment.removesuffix('Z')), zone).isoformat()}Z"
    return moment.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC).replace(tzinfo=None)


def figures(make_street: MakeStreet, world: World, zone: str, pipelines: Sequence[str]) -> dict[str, Rows]:
    """The rows of every table without their moments, and without minutes: an hour more or less lies between two of them."""
    with reporting_zone(zone):
        street = make_street(pipelines)
        street.arrive(world)
        street.run(world.interval)
        return {name: Rows(map(dayless, street.rows(name))) for name in street.tables()}


def dayless(row: Row) -> tuple[tuple[str, Any], ...]:
    return tuple(item for item in row.items() if not isinstance(item[1], datetime) and "minutes" not in item[0])


def assert_same(found: dict[str, Rows], expected: dict[str, Rows]) -> None:
    assert sum(map(len, expected.values())) > 0
    for name, rows in expected.items():
        assert (name, rows - found[name], found[name] - rows) == (name, Rows(), Rows())


@pytest.mark.parametrize("places", PLACES)
def test_profit_is_the_same_in_every_zone(make_street: MakeStreet, places: Places) -> None:
    @few(1)
    @given(worlds(length=16, start=places.start))
    def law(world: World) -> None:
        expected = figures(make_street, world, "UTC", PROFIT)
        for zone in places.zones:
            assert_same(figures(make_street, in_zone(world, zone), zone, PROFIT), expected)

    law()


@pytest.mark.parametrize("places", PLACES)
def test_use_is_the_same_in_every_zone(make_street: MakeStreet, places: Places) -> None:
    @few(1)
    @given(app_worlds(length=16, start=places.start))
    def law(world: World) -> None:
        expected = figures(make_street, world, "UTC", USE)
        for zone in places.zones:
            assert_same(figures(make_street, in_zone(world, zone), zone, USE), expected)

    law()
