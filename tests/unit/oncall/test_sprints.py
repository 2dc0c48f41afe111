"""Who takes requests, up to how many points, and what becomes a ticket."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import hypothesis
import pytest
from hypothesis import strategies as st
from tests.unit.oncall.teams import YEARS, newcomer, team_with

from headline.errors import BadRequest, SpecError
from headline.intervals import DAY
from headline.oncall import Request, sprint_duty, sprints, triage
from headline.specs.team import Sprint

CALM = team_with(leaves={})
FIRST, LAST = date(YEARS[0], 1, 1), date(YEARS[-1], 12, 31)


@hypothesis.given(
    first=st.dates(date(2026, 1, 1), date(2026, 1, 31)).filter(lambda day: day.weekday() < 5),
    length=st.integers(1, 23),
    number=st.integers(0, 300),
)
def test_sprints_follow_each_other_day_by_day(first: date, length: int, number: int) -> None:
    sprint = Sprint(first_day=first, working_days=length, points=Decimal(60), request_share=Decimal("0.1"))
    days = sprint.days(number)
    assert len(days) == length
    assert all(day.weekday() < 5 for day in days)
    day = days[0]
    while day < sprint.days(number + 1)[0]:
        assert sprint.number(day) == number
        assert (day in days) == (day.weekday() < 5)
        day += DAY
    assert sprint.number(first - DAY) < 0 or first.weekday() == 0


@pytest.mark.parametrize("team", [CALM, team_with()], ids=["no leave", "leave of team.yml"])
def test_everybody_has_as_many_sprints_in_ten_years(team) -> None:
    duties = sprints(team, FIRST, LAST)
    assert len(duties) >= 10 * 26
    for year in YEARS:
        had = Counter(duty.engineer.id for duty in duties if duty.first.year <= year)
        assert len(had) == 4
        assert max(had.values()) - min(had.values()) <= 1, year
    for duty in duties:
        days = team.sprint.days(team.sprint.number(duty.first))
        assert sum(map(duty.engineer.is_away, days)) <= 5, "is there for at least half of it"


def test_who_is_away_for_most_of_a_sprint_has_the_next_one() -> None:
    duty, following = sprints(CALM, date(2026, 6, 1), date(2026, 6, 20))[:2]
    away = team_with(leaves={duty.engineer.id: [(duty.first + 2 * DAY, duty.last)]})
    instead, then = sprints(away, duty.first, following.first)
    assert instead.engineer.id != duty.engineer.id
    assert then.engineer.id == duty.engineer.id
    earlier = [[one.engineer.id for one in sprints(team, FIRST, duty.first - DAY)] for team in (away, CALM)]
    assert earlier[0] == earlier[1] != []


def test_a_joiner_and_who_was_away_for_long_have_little_to_make_up_for() -> None:
    joined = date(2027, 5, 12)
    team = team_with(
        leaves={"ines": [(date(2026, 3, 1), date(2026, 10, 31))]},
        change=lambda content: content["engineers"].append(newcomer(joined)),
    )
    back = Counter(duty.engineer.id for duty in sprints(team, date(2026, 11, 2), date(2026, 12, 24)))
    assert 1 <= back["ines"] <= 2
    since = Counter(duty.engineer.id for duty in sprints(team, joined, joined + timedelta(weeks=40)))
    assert max(since.values()) - min(since.values()) <= 1
    assert len(since) == 5


def test_whoever_is_named_takes_requests_and_is_credited() -> None:
    duty = sprint_duty(CALM, date(2027, 3, 3))
    other = next(one.id for one in CALM.engineers if one != duty.engineer)
    team = team_with(leaves={}, change=lambda content: content["sprint"].update(duty={date(2027, 3, 3): other}))
    assert sprint_duty(team, duty.last).engineer.id == other
    assert sprints(team, FIRST, duty.first - DAY) == sprints(CALM, FIRST, duty.first - DAY)
    had = Counter(one.engineer.id for one in sprints(team, CALM.sprint.first_day, duty.last + timedelta(weeks=10)))
    assert max(had.values()) - min(had.values()) <= 1


@pytest.mark.parametrize(
    ("duty", "fault"),
    [
        ({date(2027, 3, 3): "nora"}, "sprint.duty.2027-03-03: nobody is called nora"),
        ({date(2027, 3, 3): "ines", date(2027, 3, 5): "jonas"}, "sprint.duty: 2027-03-03 and 2027-03-05 lie in the same sprint"),
        ({date(2025, 3, 3): "ines"}, "sprint.duty.2025-03-03: lies before the first sprint"),
        ({date(2027, 8, 10): "ines"}, "sprint.duty.2027-08-10: ines is away for all of that sprint"),
    ],
)
def test_a_duty_that_cannot_be_is_refused(duty: dict[date, str], fault: str) -> None:
    with pytest.raises(SpecError, match=fault):
        team_with(change=lambda content: content["sprint"].update(duty=duty))


def test_the_budget_is_a_tenth_of_the_points_of_those_who_are_there() -> None:
    assert sprint_duty(CALM, date(2027, 2, 22)).budget == 6
    one_away = team_with(leaves={"jonas": [(date(2027, 2, 22), date(2027, 3, 5))]})
    assert sprint_duty(one_away, date(2027, 2, 22)).budget == Decimal("4.5")
    # Christmas Day and Boxing Day are a Friday and a Saturday, Christmas Eve is part of the block: 2 of 10 days for all four.
    assert sprint_duty(CALM, date(2026, 12, 14)).budget == Decimal("4.8")


def test_nothing_is_known_before_the_first_sprint() -> None:
    with pytest.raises(BadRequest, match="the first sprint begins on 2025-12-29"):
        sprint_duty(CALM, date(2025, 12, 28))
    assert sprints(CALM, date(2025, 1, 1), date(2025, 12, 28)) == []


def asked(*points: str) -> list[Request]:
    return [Request(f"request {number}", Decimal(one)) for number, one in enumerate(points)]


def test_what_exceeds_the_budget_becomes_a_ticket() -> None:
    requests = asked("3", "2", "1.5", "4", "1")
    found = triage(requests, Decimal(6))
    assert found.taken == [requests[0], requests[1], requests[4]]
    assert found.tickets == [requests[2], requests[3]]
    assert found.left == 0
    assert triage(asked("6.1"), Decimal(6)).taken == []
    with pytest.raises(BadRequest, match="request 0: 0 points"):
        triage(asked("0"), Decimal(6))


POINTS = st.decimals("0.5", 20, places=1)


@hypothesis.given(points=st.lists(POINTS, max_size=12), budget=st.decimals(0, 12, places=1), later=POINTS)
def test_laws_of_the_ticket_rule(points: list[Decimal], budget: Decimal, later: Decimal) -> None:
    requests = [Request(str(number), one) for number, one in enumerate(points)]
    found = triage(requests, budget)
    assert sorted(found.taken + found.tickets) == sorted(requests), "each request becomes one of both"
    assert sum(one.points for one in found.taken) + found.left == budget
    assert found.left >= 0
    assert all(one.points > found.left for one in found.tickets), "nothing is refused that fits"
    after = triage([*requests, Request("later", later)], budget)
    assert after.taken[: len(found.taken)] == found.taken, "a later request changes nothing for an earlier one"
