"""The rota as a calendar: who is on call when, and who takes requests, a month at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse

from headline.intervals import DAY
from headline.oncall import Shift, calendar, holidays, sprints
from headline.pages.now import current_duty
from headline.pages.render import page
from headline.specs import Team, load_team

router = APIRouter()
AHEAD = timedelta(days=3 * 365)  # farther nobody plans, and every week before it has to be computed
COLOURS = 6


@dataclass(frozen=True)
class OnDay:
    """A shift as one day shows it. `begins`: when it does on that day; None = it goes on from the day before."""

    name: str
    who: int
    begins: datetime | None
    is_now: bool
    instead_of: str


@dataclass(frozen=True)
class Day:
    """One field of the calendar."""

    date: date
    in_month: bool
    is_today: bool
    holiday: str
    shifts: Sequence[OnDay]


@router.get("/rota")
def rota(month: str | None = None) -> HTMLResponse:
    """Everybody's shifts in a month, YYYY-MM; of this month if none is named. Whoever is logged in may know whom to call."""
    now, team = datetime.now(UTC), load_team()
    try:
        first = date.fromisoformat(f"{month}-01") if month else now.date().replace(day=1)
    except ValueError:
        raise HTTPException(400, f"{month!r} is no month: write it as YYYY-MM") from None
    begin, end = team.rota.first_day.replace(day=1), (now.date() + AHEAD).replace(day=1)
    if not begin <= first <= end:
        raise HTTPException(404, f"the rota is known from {begin:%Y-%m} to {end:%Y-%m}")
    before, after = (first - DAY).replace(day=1), (first + 32 * DAY).replace(day=1)
    monday, sunday = first - first.weekday() * DAY, after + (-after.weekday() % 7 - 1) * DAY
    known_from = max(monday, team.rota.first_day)
    shifts = calendar(team, known_from, sunday)
    names = {holiday.day: holiday.name for holiday in holidays(team, known_from, sunday)}
    days = [_day(monday + n * DAY, first, shifts, names, team, now) for n in range((sunday - monday).days + 1)]
    return page(
        "rota.html",
        weeks=[days[n : n + 7] for n in range(0, len(days), 7)],
        month=first,
        before=before if before >= begin else None,
        after=after if after <= end else None,
        duty=current_duty(now),
        sprints=sprints(team, first, after - DAY),
        today=now.date(),
    )


def _day(day: date, month: date, shifts: Sequence[Shift], holidays: Mapping[date, str], team: Team, now: datetime) -> Day:
    start = datetime.combine(day, time(), UTC)
    colours = {engineer.id: number % COLOURS for number, engineer in enumerate(team.engineers)}
    found: list[OnDay] = []
    for shift in shifts:
        if shift.start < start + DAY and shift.end > start:
            begins = shift.start if shift.start >= start else None
            instead_of = shift.instead_of.name if shift.instead_of else ""
            is_now = shift.start <= now < shift.end
            one = OnDay(shift.engineer.name, colours[shift.engineer.id], begins, is_now, instead_of)
            if found and (found[-1].name, found[-1].instead_of) == (one.name, instead_of):  # the same goes on
                found[-1] = replace(found[-1], is_now=found[-1].is_now or is_now)
            else:
                found.append(one)
    return Day(day, day.month == month.month, day == now.date(), holidays.get(day, ""), found)
