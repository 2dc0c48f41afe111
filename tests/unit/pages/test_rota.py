"""The rota as a calendar."""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from fastapi import HTTPException

from headline.oncall import calendar, sprints
from headline.pages.rota import rota
from headline.specs import load_team

CHRISTMAS = date(2026, 12, 25)


@pytest.fixture(autouse=True)
def team(forget_settings: Any) -> None:
    forget_settings()


def shown(month: str) -> str:
    return " ".join(bytes(rota(month).body).decode().split())


def fields(month: str) -> dict[str, list[str]]:
    """By day of the calendar, what its shifts say."""
    days = re.findall(r'<time class="date" datetime="([\d-]+)">(.*?)</td>', shown(month))
    return {day: re.findall(r'<span class="shift[^>]*>(.*?)</span>', text) for day, text in days}


def test_every_day_of_whole_weeks_names_who_is_on_call() -> None:
    found = fields("2026-12")
    assert (min(found), max(found), len(found)) == ("2026-11-30", "2027-01-03", 35)
    assert all(found.values())
    names = {engineer.name for engineer in load_team().engineers}
    assert {re.sub(r"^\d\d:\d\d ", "", shift) for shifts in found.values() for shift in shifts} == names


def test_holidays_are_shifts_of_eight_hours_and_named() -> None:
    assert [text[:6] for text in fields("2026-12")[str(CHRISTMAS)]] == ["00:00 ", "08:00 ", "16:00 "]
    assert [shift.holiday for shift in calendar(load_team(), CHRISTMAS, CHRISTMAS)] == ["Christmas"] * 3
    assert shown("2026-12").count("Christmas") == 3


def test_the_same_goes_on_without_a_word() -> None:
    for shifts in fields("2026-11").values():
        names = [re.sub(r"^\d\d:\d\d ", "", shift) for shift in shifts]
        assert all(one != other for one, other in pairwise(names))


def test_who_takes_requests_stands_below() -> None:
    requests = shown("2027-03").partition("<h2>Requests</h2>")[2]
    found = sprints(load_team(), date(2027, 3, 1), date(2027, 3, 31))
    assert re.findall(r"<td>\w+ ([\d-]+)</td>", requests) == [str(sprint.first) for sprint in found]
    assert all(sprint.engineer.name in requests for sprint in found)


@pytest.mark.parametrize(("month", "code"), [("2025-11", 404), ("2999-01", 404), ("soon", 400), ("2026-13", 400)])
def test_a_month_that_nobody_knows_is_refused(month: str, code: int) -> None:
    with pytest.raises(HTTPException) as error:
        rota(month)
    assert error.value.status_code == code


def test_the_first_month_has_none_before_it() -> None:
    assert 'rel="prev"' not in shown("2025-12")
    assert 'rel="next"' in shown("2025-12")
