"""Ten years of on-call weeks and holidays, with the leave of team.yml, without any, and with leave that is made up."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import cycle, pairwise

import hypothesis
import pytest
from hypothesis import strategies as st
from tests.unit.oncall.teams import YEARS, newcomer, repeats, shifts_of_holidays, spreads, team_with

from headline import oncall
from headline.errors import BadRequest
from headline.specs.team import Team
from headline.specs.team_file import parse_team

FIRST, LAST = date(YEARS[0], 1, 1), date(YEARS[-1], 12, 31)
DAY = timedelta(days=1)
NAMES = ("ines", "jonas", "sanne", "aoife")
Leaves = dict[str, list[tuple[date, date]]]
some = hypothesis.settings(  # to shrink years of leave takes minutes
    max_examples=3, derandomize=True, database=None, deadline=None, phases=[hypothesis.Phase.generate]
)


@pytest.fixture(scope="module", params=["leave of team.yml", "no leave"])
def team(request: pytest.FixtureRequest) -> Team:
    return team_with() if request.param == "leave of team.yml" else team_with(leaves={})


def assert_whole(team: Team, first: date, last: date) -> None:
    """One is on call at each moment, neither nobody nor two, and none on their own leave."""
    shifts = oncall.calendar(team, first, last)
    assert shifts[0].start <= datetime(first.year, first.month, first.day, tzinfo=UTC)
    assert shifts[-1].end.date() > last
    assert [(one.end, other.start) for one, other in pairwise(shifts) if one.end != other.start] == []
    assert [shift for shift in shifts if shift.start >= shift.end or not shift.engineer.is_free(shift.start, shift.end)] == []


def test_each_moment_of_ten_years_has_one_on_call_who_is_not_away(team: Team) -> None:
    assert_whole(team, FIRST, LAST)


def test_loads_are_within_one_shift_of_each_other_at_the_end_of_each_year(team: Team) -> None:
    for year in YEARS:
        apart = spreads(oncall.standing(team, date(year + 1, 1, 8)))  # by then the block of New Year is over
        assert max(apart.values()) <= 1, (year, apart)
    had = sum(load.total for load in oncall.standing(team, LAST).values())
    assert had > 10 * (52 * 2 + 25 * 3) * 0.9, "the shifts of ten years were counted"


def test_what_shifts_weigh_does_not_drift_apart(team: Team) -> None:
    """Nobody gets more and more of Christmas: with all shifts counted equally that would pass unnoticed."""
    for year in YEARS:
        assert spreads(oncall.standing(team, date(year + 1, 1, 8)), ("weighted",))["weighted"] <= 5
    heavy = Counter(
        shift.engineer.id for holiday, shifts in shifts_of_holidays(team, FIRST, LAST) if holiday.weight == 3 for shift in shifts
    )
    assert sum(heavy.values()) == len(YEARS) * 5 * 3
    assert max(heavy.values()) - min(heavy.values()) <= 3


def test_nobody_has_the_same_of_a_named_holiday_two_years_running(team: Team) -> None:
    assert repeats(team, FIRST, LAST) == []


def test_a_repeated_holiday_would_be_found() -> None:
    """Three of four are on leave over the same holiday of two years, so that the fourth has to."""
    away = [(date(year, 12, 20), date(year, 12, 30)) for year in (2026, 2027)]
    assert repeats(team_with(leaves=dict.fromkeys(NAMES[1:], away)), date(2026, 12, 1), date(2027, 12, 31)) != []


def test_three_share_a_holiday_and_the_fourth_is_free_from_hand_over_to_hand_over(team: Team) -> None:
    days = list(shifts_of_holidays(team, FIRST, LAST))
    assert len(days) > 10 * 25
    for _, shifts in days:
        assert [shift.end - shift.start for shift in shifts] == [timedelta(hours=8)] * 3
        assert len({shift.engineer for shift in shifts}) == 3
    for year in YEARS:
        free = Counter(
            engineer.id
            for holiday, shifts in days
            for engineer in team.engineers
            if holiday.day.year == year and engineer.id in holiday.of and engineer not in {shift.engineer for shift in shifts}
        )
        assert {name for name in NAMES if free[name]} == set(NAMES), f"{year}: each is free on a holiday of their own"


def test_nobody_has_a_weekday_shift_and_the_weekend_after_it() -> None:
    team = team_with(leaves={})
    weeks: dict[int, dict[str, set[str]]] = {}
    start, _ = team.rota_day(team.rota.first_day)
    for shift in oncall.calendar(team, FIRST, LAST):
        weeks.setdefault((shift.start - start) // timedelta(days=7), {}).setdefault(shift.kind, set()).add(shift.engineer.id)
    assert [week for week in weeks.values() if week.get("weekday", set()) & week.get("weekend", set())] == []


@st.composite
def leaves_of_three_years(draw: st.DrawFn) -> Leaves:
    """Leave of one after the other, so that three are there at any time."""
    day, found = date(2026, 1, 5) + draw(st.integers(0, 60)) * DAY, Leaves()
    turns = cycle(draw(st.permutations(NAMES)))
    while day < date(2028, 10, 1):
        length = draw(st.sampled_from([1, 5, 5, 12, 19, 21]))
        found.setdefault(next(turns), []).append((day, day + (length - 1) * DAY))
        day += (length + draw(st.integers(2, 40))) * DAY
    return found


@some
@hypothesis.given(leaves=leaves_of_three_years())
def test_leave_is_kept_and_made_up_for(leaves: Leaves) -> None:
    team = team_with(leaves)
    assert_whole(team, FIRST, date(2029, 12, 31))
    assert [day for day, avoidable in repeats(team, FIRST, date(2029, 12, 31)) if avoidable] == []
    apart = spreads(oncall.standing(team, date(2030, 1, 8)))
    # A shift that leave has divided leaves fractions behind, which whole shifts cannot quite even out.
    assert all(spread < 2 for spread in apart.values()), apart


@some
@hypothesis.given(first=st.dates(date(2026, 2, 1), date(2026, 12, 20)), length=st.integers(1, 20), there=st.sampled_from(NAMES))
def test_as_long_as_one_is_there_somebody_is_on_call(first: date, length: int, there: str) -> None:
    leave = (first, first + (length - 1) * DAY)
    assert_whole(team_with(leaves={name: [leave] for name in NAMES if name != there}), FIRST, date(2027, 2, 1))


@pytest.mark.parametrize("left", [date(2028, 8, 14), date(2028, 8, 16)], ids=["on a Monday", "within a week"])
def test_a_joiner_and_a_leaver(left: date) -> None:
    joined = date(2027, 5, 12)

    def change(content: dict) -> None:
        content["engineers"].append(newcomer(joined))
        content["engineers"][2]["left"] = left

    team = team_with(leaves={}, change=change)
    assert_whole(team, FIRST, LAST)
    shifts = oncall.calendar(team, FIRST, LAST)
    piotr = [shift for shift in shifts if shift.engineer.id == "piotr"]
    sanne = [shift for shift in shifts if shift.engineer.id == "sanne"]
    assert joined <= piotr[0].start.date() <= joined + timedelta(weeks=6), "the joiner takes part soon"
    assert left - timedelta(weeks=8) <= sanne[-1].start.date() <= left
    in_first_half = oncall.loads(shift for shift in shifts if joined <= shift.start.date() < joined + timedelta(weeks=26))
    assert max(spreads(in_first_half).values()) <= 3, "and has nothing to make up for of the time before"
    for year in range(2029, YEARS[-1] + 1):
        standing = oncall.standing(team, date(year + 1, 1, 8))
        assert [engineer.id for engineer in standing] == ["ines", "jonas", "aoife", "piotr"]
        divided = 0 if left.weekday() == 0 else 0.5  # a shift of which the leaver had only a part
        assert max(spreads(standing).values()) <= 1 + divided, year
    assert {engineer.id for engineer in oncall.standing(team, date(2028, 1, 8))} == {*NAMES, "piotr"}


def test_who_was_away_for_months_has_nothing_to_make_up_for() -> None:
    team = team_with(leaves={"jonas": [(date(2027, 3, 1), date(2027, 8, 31))]})
    shifts = oncall.calendar(team, date(2027, 9, 1), date(2027, 12, 31))
    assert max(spreads(oncall.loads(shifts)).values()) <= 3
    assert max(spreads(oncall.standing(team, date(2028, 1, 8))).values()) <= 1


def test_the_rota_is_the_same_whoever_asks_in_whatever_order() -> None:
    once = oncall.calendar(team_with(), FIRST, date(2028, 12, 31))
    parse_team.cache_clear()
    team = team_with()
    late = oncall.on_call(team, datetime(2028, 11, 23, 12, tzinfo=UTC))
    assert late in once
    assert oncall.calendar(team, FIRST, date(2028, 12, 31)) == once


def test_a_moment_belongs_to_the_shift_that_begins_then() -> None:
    team = team_with()
    for shift in oncall.calendar(team, date(2027, 12, 20), date(2028, 1, 8))[1:-1]:
        assert oncall.on_call(team, shift.start) == oncall.on_call(team, shift.end - timedelta.resolution) == shift
        following = oncall.next_on_call(team, shift.start)
        assert following.start >= shift.end
        assert following.engineer != shift.engineer


def test_nothing_is_known_of_the_time_before_the_rota_or_without_a_zone() -> None:
    team = team_with()
    with pytest.raises(BadRequest, match="begins on 2025-12-29 08:00 UTC"):
        oncall.on_call(team, datetime(2025, 12, 29, 7, tzinfo=UTC))
    with pytest.raises(BadRequest, match="has no time zone"):
        oncall.on_call(team, datetime(2026, 1, 1))  # noqa: DTZ001
