"""Who is on call: the rota of a team, asked by moment or by day."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from functools import cache
from threading import Lock

from headline.errors import BadRequest
from headline.intervals import DAY
from headline.oncall.planner import WEEK, PlannedWeek, Planner
from headline.oncall.public_holidays import Holiday, holidays_of
from headline.oncall.shifts import Load, Shift
from headline.specs.team import Engineer, Team


def on_call(team: Team, moment: datetime) -> Shift:
    """The shift of a moment. Raises BadRequest for a moment before the rota begins, or without a time zone."""
    if moment.tzinfo is None:
        raise BadRequest(f"{moment} has no time zone, so that nobody can say when it is")
    week = _rota(team).week_of(moment)
    return next(shift for shift in week.shifts if shift.start <= moment < shift.end)


def next_on_call(team: Team, moment: datetime) -> Shift:
    """The first shift after a moment that is somebody else's than the shift of that moment. Raises BadRequest like `on_call`."""
    now = on_call(team, moment)
    day = now.end.date()
    later = [shift for shift in calendar(team, day, day + 52 * WEEK) if shift.start >= now.end]
    return next((shift for shift in later if shift.engineer != now.engineer), later[0])


def calendar(team: Team, first: date, last: date) -> list[Shift]:
    """All shifts that touch the days from `first` to `last`, UTC, in order; each whole, though it may reach beyond them.

    Raises BadRequest for days before the rota begins.
    """
    rota = _rota(team)
    start, end = (datetime.combine(day, time(), UTC) for day in (first, last + DAY))
    weeks = rota.weeks(max(start, rota.start) if first >= team.rota.first_day else start, end)
    return [shift for week in weeks for shift in week.shifts if shift.start < end and start < shift.end]


def standing(team: Team, day: date) -> dict[Engineer, Load]:
    """What everybody who takes part has had since the rota began, when the week of a day begins.

    A joiner begins with what that colleague had who had least; so does who comes back from a leave of more than four weeks.
    """
    week = _rota(team).week_of(team.rota_day(day)[0])
    return {team.engineer(name): load for name, load in week.loads.items()}


def loads(shifts: Iterable[Shift]) -> dict[Engineer, Load]:
    """What everybody has of some shifts."""
    found: dict[Engineer, Load] = {}
    for shift in shifts:
        found[shift.engineer] = found.get(shift.engineer, Load()).with_shift(shift)
    return found


def holidays(team: Team, first: date, last: date) -> list[Holiday]:
    """The team's holidays from `first` to `last`: those of everybody who is employed when the week of the day begins."""
    found = []
    for week in _rota(team).weeks(team.rota_day(first)[0], team.rota_day(last + DAY)[0]):
        of_crew = holidays_of(team, week.crew, week.first_day.year) | holidays_of(team, week.crew, (week.first_day + WEEK).year)
        found += [
            holiday for day, holiday in of_crew.items() if week.first_day <= day < week.first_day + WEEK and first <= day <= last
        ]
    return found


class _Rota:
    """The planned weeks of a team, as far as somebody asked for them."""

    def __init__(self, team: Team) -> None:
        self.start, _ = team.rota_day(team.rota.first_day)
        self._coming = Planner(team).weeks()
        self._weeks: list[PlannedWeek] = []
        self._lock = Lock()  # pages ask from several threads

    def week_of(self, moment: datetime) -> PlannedWeek:
        return self.weeks(moment, moment)[0]

    def weeks(self, start: datetime, end: datetime) -> list[PlannedWeek]:
        """The weeks from that of one moment to that of another. Raises BadRequest before the rota begins."""
        first, last = ((moment - self.start) // WEEK for moment in (start, end))
        if first < 0:
            raise BadRequest(f"the rota begins on {self.start:%Y-%m-%d %H:%M} UTC; nothing is known of {start:%Y-%m-%d %H:%M}")
        with self._lock:
            while len(self._weeks) <= last:
                self._weeks.append(next(self._coming))
            return self._weeks[first : last + 1]


@cache
def _rota(team: Team) -> _Rota:
    return _Rota(team)
