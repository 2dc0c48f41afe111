"""Swaps and overrides, and that no entry reaches back before its first day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st
from tests.unit.oncall.teams import newcomer, spreads, team_with

from headline import oncall
from headline.oncall import Shift
from headline.specs.team import Team

DAY, WEEK = timedelta(days=1), timedelta(weeks=1)
CALM = team_with(leaves={})


def shifts_between(team: Team, first: date, last: date) -> list[Shift]:
    start, end = team.rota_day(first)[0], team.rota_day(last)[1]
    return [shift for shift in oncall.calendar(team, first, last + DAY) if start <= shift.start < end]


def week_of(team: Team, monday: date) -> dict[str, list[Shift]]:
    found: dict[str, list[Shift]] = {}
    for shift in shifts_between(team, monday, monday + WEEK - timedelta(days=1)):
        found.setdefault(shift.kind, []).append(shift)
    return found


def test_an_override_is_credited_to_who_worked() -> None:
    monday = date(2027, 2, 15)
    (planned,) = week_of(CALM, monday)["weekday"]
    other = next(engineer for engineer in CALM.engineers if engineer != planned.engineer)
    start = planned.start + timedelta(days=1, hours=2)
    entry = {"engineer": other.id, "start": start, "end": start + timedelta(hours=30), "reason": "is ill"}
    team = team_with(leaves={}, overrides=[entry])
    before, instead, after = week_of(team, monday)["weekday"]
    assert (instead.engineer, instead.instead_of) == (other, planned.engineer)
    assert (instead.start, instead.end) == (entry["start"], entry["end"])
    assert before.engineer == after.engineer == planned.engineer
    assert before.part + instead.part + after.part == 1
    assert instead.part == Fraction(30, 5 * 24)
    gained = oncall.standing(team, monday + WEEK)[other].weekday - oncall.standing(team, monday)[other].weekday
    assert gained == instead.part
    assert oncall.on_call(team, start).engineer == other


def test_a_swap_gives_each_what_the_other_would_have_had() -> None:
    monday = date(2027, 2, 15)
    one, other = (week_of(CALM, monday)[kind][0].engineer for kind in ("weekday", "weekend"))
    days = {"first": monday, "last": monday + 6 * DAY}
    team = team_with(leaves={}, swaps=[{"between": [one.id, other.id], **days}])
    week = week_of(team, monday)
    assert [(shift.engineer, shift.instead_of) for shift in week["weekday"] + week["weekend"]] == [(other, one), (one, other)]
    planned, worked = (oncall.loads(shifts_between(known, *days.values())) for known in (CALM, team))
    assert (planned[one], planned[other]) == (worked[other], worked[one])


def on_christmas_day(team: Team, year: int) -> list[Shift]:
    return shifts_between(team, date(year, 12, 25), date(year, 12, 25))


def test_who_really_worked_on_a_holiday_counts_in_the_year_after() -> None:
    planned = on_christmas_day(CALM, 2026)
    (free,) = set(CALM.engineers) - {shift.engineer for shift in planned}
    entry = {"engineer": free.id, "start": planned[0].start, "end": planned[0].end, "reason": "as agreed"}
    team = team_with(leaves={}, overrides=[entry])
    assert [shift.engineer for shift in on_christmas_day(team, 2026)] == [free, *(shift.engineer for shift in planned[1:])]
    year_after = [shift.engineer for shift in on_christmas_day(team, 2027)]
    assert planned[0].engineer in year_after, "was free in the end"
    assert year_after[0] != free, "had this shift"


def test_what_an_override_took_is_made_up_for() -> None:
    """A whole week is worked by somebody else; by the end of the next quarter all have had the same again."""
    monday = date(2027, 2, 15)
    (planned,) = week_of(CALM, monday)["weekday"]
    other = next(engineer for engineer in CALM.engineers if engineer != planned.engineer)
    entry = {"engineer": other.id, "start": planned.start, "end": planned.end, "reason": "a funeral"}
    team = team_with(leaves={}, overrides=[entry])
    assert max(spreads(oncall.standing(team, monday + 14 * WEEK)).values()) <= 1


def leave(day: date) -> Callable[[dict[str, Any]], object]:
    return lambda content: content["engineers"][0]["leave"].append({"first": day, "last": day + timedelta(days=11)})


def joiner(day: date) -> Callable[[dict[str, Any]], object]:
    return lambda content: content["engineers"].append(newcomer(day))


def leaver(day: date) -> Callable[[dict[str, Any]], object]:
    return lambda content: content["engineers"][1].update(left=day)


def swap(day: date) -> Callable[[dict[str, Any]], object]:
    days = {"first": day, "last": day + timedelta(days=9)}
    return lambda content: content["swaps"].append({"between": ["sanne", "aoife"], **days})


def override(day: date) -> Callable[[dict[str, Any]], object]:
    start = datetime(day.year, day.month, day.day, 8, tzinfo=UTC)
    entry = {"engineer": "sanne", "start": start, "end": start + timedelta(days=3), "reason": "is ill"}
    return lambda content: content["overrides"].append(entry)


@hypothesis.settings(
    max_examples=12, derandomize=True, database=None, deadline=None, phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate]
)
@hypothesis.given(
    entry=st.sampled_from([leave, joiner, leaver, swap, override]), day=st.dates(date(2026, 1, 12), date(2026, 12, 20))
)
@hypothesis.example(entry=leave, day=date(2026, 12, 25))
@hypothesis.example(entry=leaver, day=date(2026, 12, 24))
def test_an_entry_changes_nothing_before_its_first_day(entry: Callable[[date], Any], day: date) -> None:
    changed = team_with(leaves={}, change=entry(day))
    # A day of leave begins at midnight where the engineer lives, while the rota's day before has not ended.
    until = CALM.rota_day(day - timedelta(days=1))[0]
    first = date(2026, 1, 1)

    def before(team: Team) -> list[tuple[Any, ...]]:
        shifts = [shift for shift in oncall.calendar(team, first, day) if shift.start < until]
        return [(shift.engineer.id, shift.start, min(shift.end, until), shift.kind, shift.holiday) for shift in shifts]

    assert len(before(changed)) > 2
    assert before(changed) == before(CALM)


@pytest.mark.parametrize("area", ["profit", "growth", "engagement", "sources", "core", "operations"])
def test_whoever_is_away_is_replaced_by_the_cover_and_nobody_is_told_twice(area: str) -> None:
    team = team_with(leaves={"ines": [(date(2027, 8, 2), date(2027, 8, 20))], "jonas": [(date(2027, 8, 9), date(2027, 8, 13))]})
    for hour in range(0, 24 * 28, 5):
        moment = datetime(2027, 7, 28, tzinfo=UTC) + timedelta(hours=hour)
        chain = oncall.escalation_chain(team, area, moment)
        assert chain[0] == oncall.on_call(team, moment).engineer
        assert len(chain) == len(set(chain)) > 1
        assert all(engineer.is_free(moment, moment + timedelta.resolution) for engineer in chain)
    both_away = datetime(2027, 8, 11, 12, tzinfo=UTC)
    told = {engineer.id for engineer in oncall.escalation_chain(team, area, both_away)}
    assert told == {"sanne", "aoife"}, "the covers of covers who are away are passed over"
