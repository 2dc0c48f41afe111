"""How pipelines stand on the board, and whose requests may change anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from fastapi import HTTPException
from starlette.requests import Request
from tests.unit.company import TABLES, catalog, publication  # noqa: F401 (a fixture)

from headline.incidents.world import World
from headline.intervals import DAY, Interval
from headline.ledger.evidence import Evidence, Publication
from headline.ledger.incident import Incident
from headline.pages.board import Row, rows
from headline.pages.render import duration
from headline.pages.visitor import from_this_site
from headline.specs import Catalog

YESTERDAY = date(2026, 11, 19)
LANDED = datetime(2026, 11, 20, 1, 5, tzinfo=UTC)


def board(
    known: Catalog,
    clock: str,
    published: Sequence[Publication],
    incidents: Sequence[Incident] = (),
    shown: set[str] | None = None,
    behind: Mapping[str, int] | None = None,
    earlier: Mapping[str, int] | None = None,
) -> dict[str, Row]:
    hour, minute = map(int, clock.split(":"))
    now = datetime(2026, 11, 20, hour, minute, tzinfo=UTC)
    world = World(known, Evidence(YESTERDAY - DAY * 28, published), now, date(2026, 1, 1), "UTC")
    checks = {"core.order_lines": {"passed": 5, "warned": 1}}
    found = rows(world, checks, incidents, shown or set(known.pipelines), behind or {}, earlier or {})
    return {row.pipeline: row for row in found}


def landed(day: date, coverage: str = "1") -> list[Publication]:
    return [publication(table, day, LANDED, coverage) for table in TABLES]


def test_a_day_that_has_landed_is_good(catalog: Catalog) -> None:  # noqa: F811
    found = board(catalog, "05:00", landed(YESTERDAY))
    assert {row.level for row in found.values()} == {"good"}
    assert found["core_shop"].freshness == "01:05, due 03:00"
    assert (found["core_shop"].last_day, found["core_shop"].checks) == (YESTERDAY, {"passed": 5, "warned": 1})


def test_the_first_landing_is_kept_when_a_day_is_computed_again(catalog: Catalog) -> None:  # noqa: F811
    again = replace(publication("core.order_lines", YESTERDAY, LANDED + timedelta(hours=3)), version=2)
    found = board(catalog, "05:00", [again, *landed(YESTERDAY)])
    assert found["core_shop"].freshness == "01:05, due 03:00, again 04:05"
    assert found["shop"].freshness == "01:05, due 02:00"
    twice = [replace(one, version=2) for one in landed(YESTERDAY)]
    assert board(catalog, "05:00", [*twice, *landed(YESTERDAY)])["core_shop"].freshness == "01:05, due 03:00"


def test_a_month_that_has_not_ended_is_open_and_not_partial(catalog: Catalog) -> None:  # noqa: F811
    vars(catalog.tables["profit.summary"])["period"] = "month"
    others = [one for one in landed(YESTERDAY) if one.table != "profit.summary"]
    month = replace(
        publication("profit.summary", YESTERDAY, LANDED, "0.97"), interval=Interval(date(2026, 11, 1), date(2026, 12, 1))
    )
    row = board(catalog, "05:00", [month, *others])["investor_profit"]
    assert (row.level, row.standing, row.partial_days, row.open_periods) == ("good", "Landed", 0, ["month"])
    ended = replace(month, interval=Interval(date(2026, 10, 1), date(2026, 11, 1)))
    assert board(catalog, "05:00", [month, ended, *others])["investor_profit"].partial_days == 0, "the days of it tell"
    assert board(catalog, "05:00", others)["unit_profit"].open_periods == []


def test_what_is_late_comes_first_and_what_is_not_yet_due_waits(catalog: Catalog) -> None:  # noqa: F811
    found = board(catalog, "02:10", landed(YESTERDAY - DAY))
    assert [row.level for row in found.values()] == ["bad", "bad", "waiting", "waiting", "waiting", "waiting"]
    assert found["shop"].freshness == "by 10 min, due 02:00"
    assert found["investor_profit"].freshness.startswith("due 04:00, in 1 h 50 min")
    assert found["shop"].last_day == YESTERDAY - DAY


def test_a_partial_day_and_an_open_incident_are_seen(catalog: Catalog) -> None:  # noqa: F811
    partial = board(catalog, "05:00", landed(YESTERDAY, "0.97"))["unit_profit"]
    assert (partial.level, partial.freshness, partial.partial_days) == ("warning", "coverage 97.0%", 1)
    incident = Incident(7, "profit_drop", "unit_profit", YESTERDAY, "open", None, LANDED, LANDED)
    found = board(catalog, "05:00", landed(YESTERDAY), [incident])
    assert (found["unit_profit"].level, found["unit_profit"].incidents) == ("warning", [incident])
    assert found["shop"].incidents == []


def test_days_behind_their_inputs_are_told_of_their_pipeline_and_change_nothing_of_its_standing(catalog: Catalog) -> None:  # noqa: F811
    behind = {"core.order_lines": 3, "raw.orders": 1}
    found = board(catalog, "05:00", landed(YESTERDAY), behind=behind)
    assert {name: row.days_behind for name, row in found.items() if row.days_behind} == {"core_shop": 3, "shop": 1}
    assert found["core_shop"].level == "good", "they wait for a backfill; what is due has landed"


def test_days_by_earlier_code_are_told_and_change_nothing_of_its_standing(catalog: Catalog) -> None:  # noqa: F811
    found = board(catalog, "05:00", landed(YESTERDAY), earlier={"core.order_lines": 12, "raw.orders": 1})
    told = {name: row.days_by_earlier_code for name, row in found.items() if row.days_by_earlier_code}
    assert (told, found["core_shop"].level) == ({"core_shop": 12, "shop": 1}, "good")


def test_nobody_sees_a_pipeline_that_he_may_not_see(catalog: Catalog) -> None:  # noqa: F811
    assert set(board(catalog, "05:00", [], shown={"unit_profit"})) == {"unit_profit"}
    assert board(catalog, "05:00", [], shown={"unit_profit"})["unit_profit"].last_day is None


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "same-site"}, False),
        ({"origin": "http://airflow.local"}, True),
        ({"origin": "http://elsewhere.example"}, False),
        ({"origin": "http://elsewhere.example", "authorization": "Bearer t"}, False),
        ({"authorization": "Bearer t"}, True),
        ({"cookie": "_token=t"}, False),
    ],
)
def test_another_site_cannot_make_a_browser_acknowledge(headers: dict[str, str], is_ours: bool) -> None:
    raw = [(name.encode(), value.encode()) for name, value in ({"host": "airflow.local"} | headers).items()]
    request = Request({"type": "http", "method": "POST", "scheme": "http", "path": "/", "headers": raw, "query_string": b""})
    if is_ours:
        from_this_site(request)
    else:
        with pytest.raises(HTTPException, match="from a page of this site"):
            from_this_site(request)


@pytest.mark.parametrize(
    ("span", "text"),
    [(timedelta(minutes=7), "7 min"), (timedelta(hours=2, minutes=5), "2 h 5 min"), (timedelta(days=1, hours=3), "1 d 3 h")],
)
def test_a_duration_is_told_in_what_matters(span: timedelta, text: str) -> None:
    assert duration(span) == text
