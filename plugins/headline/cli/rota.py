"""What the command line offers about the rota."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from headline.errors import BadRequest
from headline.intervals import DAY
from headline.show import show

if TYPE_CHECKING:
    from headline.oncall import Load, Shift, SprintDuty
    from headline.specs.team import Engineer, Team

WEEK = 7 * DAY
KINDS = ("weekday", "weekend", "holiday", "total", "weighted")


def rota(
    year: Annotated[int | None, typer.Option(min=2000, max=2100, help="This year if left out.")] = None,
    ics: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write a calendar for each engineer and one of the team there instead.")
    ] = None,
) -> None:
    """Print who is on call and who takes requests in a year, and the load of each engineer."""
    from headline import oncall
    from headline.specs import load_team

    team, now = load_team(), datetime.now(UTC)
    begins = team.rota.first_day
    first, last = date(year or now.year, 1, 1), date(year or now.year, 12, 31)
    first = begins if begins.year == first.year else first
    if ics:
        ics.mkdir(parents=True, exist_ok=True)
        for name, content in oncall.calendars(team, first, last, now).items():
            (ics / f"{name}.ics").write_bytes(content)
            print(ics / f"{name}.ics")
        return
    start, end = team.rota_day(first)[0], team.rota_day(last)[1]
    shifts = [shift for shift in oncall.calendar(team, first, last + DAY) if start <= shift.start < end]
    duties = [duty for duty in oncall.sprints(team, first, last) if first <= duty.first]
    _show_weeks(team, first, last)
    _show_holidays(team, shifts)
    _show_loads(team, f"Shifts that begin in {first.year}", oncall.loads(shifts), duties)
    _show_loads(team, f"Shifts since {begins}, balanced", oncall.standing(team, last + DAY), oncall.sprints(team, begins, last))


def requests(
    points: Annotated[str, typer.Option(help='Judge these instead of the files, in the order of arrival: "3 2 1.5".')] = "",
    day: Annotated[str | None, typer.Option(help="A day of the sprint, YYYY-MM-DD; today if left out.")] = None,
) -> None:
    """Rank the requests of docs/requests, show conflicts, and plan them sprint by sprint within their share of the points.

    With --points: which of these fit into one sprint, and which become tickets for new work.
    """
    from headline import oncall
    from headline.specs import load_team

    try:
        of_sprint = date.fromisoformat(day) if day else datetime.now(UTC).date()
        asked = [oncall.Request(str(number), Decimal(text)) for number, text in enumerate(points.split(), start=1)]
    except (ValueError, InvalidOperation):
        raise BadRequest(f"write a day as YYYY-MM-DD and points as numbers, not {points} {day or ''}") from None
    team = load_team()
    duty = oncall.sprint_duty(team, of_sprint)
    takes = f"{duty.engineer.name} takes requests from {duty.first} to {duty.last}; of {duty.budget} points"
    if not asked:
        print(f"{takes} all may go to these, what somebody is at first")
        _show_plan(team, of_sprint)
        return
    triage = oncall.triage(asked, duty.budget)
    rows = [(one.name, one.points, "taken" if one in triage.taken else "ticket") for one in asked]
    print(f"{takes} {triage.left} are left")
    show(["request", "points", "becomes"], rows)


def _show_plan(team: Team, day: date) -> None:
    from headline.oncall.requests import plan_requests
    from headline.specs.requests import load_requests

    plan = plan_requests(team, load_requests(), day)
    columns = ["rank", "request", "owner", "asked on", "impact", "effort", "per point", "status", "becomes"]
    rows = [
        (
            *(rank, one.name, one.owner, one.asked_on, one.impact, one.effort),
            *((one.impact / one.effort).quantize(Decimal("0.01")), one.status, plan.outcome(one.name)),
        )
        for rank, one in enumerate(plan.ranked, start=1)
    ]
    show(columns, rows, title="Requests by impact per point of effort")
    phases = [
        (phase.duty.first, phase.duty.engineer.name, phase.duty.budget, phase.left, ", ".join(one.name for one in phase.taken))
        for phase in plan.phases
    ]
    show(["sprint from", "who", "budget", "left", "requests"], phases, title="The phased plan")


def _show_weeks(team: Team, first: date, last: date) -> None:
    from headline.oncall import calendar, sprints

    begins = team.rota.first_day
    mondays = [begins + number * WEEK for number in range((first - begins) // WEEK, (last - begins) // WEEK + 1)]
    all_shifts = calendar(team, mondays[0], mondays[-1] + WEEK)
    all_duties = sprints(team, mondays[0], mondays[-1] + WEEK)
    rows = []
    for monday in mondays:
        start, end = team.rota_day(monday)[0], team.rota_day(monday + WEEK)[0]
        shifts = [shift for shift in all_shifts if start <= shift.start < end]
        duties = [duty for duty in all_duties if monday <= duty.first < monday + WEEK]
        requests = ", ".join(f"{duty.engineer.name}, {duty.budget} points" for duty in duties)
        rows.append((monday, *(_who(shift for shift in shifts if shift.kind == kind) for kind in KINDS[:2]), requests))
    show(["week from", "weekdays", "weekend", "requests from then on"], rows, title=f"Weeks begin at {team.rota.time:%H:%M} UTC")


def _show_holidays(team: Team, shifts: list[Shift]) -> None:
    from headline.oncall import standing

    start, _ = team.rota_day(team.rota.first_day)
    on_holidays = [shift for shift in shifts if shift.kind == "holiday"]
    rows = []
    for number, found in groupby(on_holidays, key=lambda shift: (shift.start - start) // DAY):
        of_day, day = list(found), team.rota.first_day + number * DAY
        slots = {slot: list(some) for slot, some in groupby(of_day, key=lambda shift: (shift.start - start) % DAY // (DAY / 3))}
        free = [one.name for one in standing(team, day) if one not in {shift.engineer for shift in of_day}]
        rows.append((day, of_day[0].holiday, *map(_who, slots.values()), ", ".join(free)))
    hours = [f"from {start + slot * DAY / 3:%H:%M}" for slot in range(3)]
    show(["day", "holiday", *hours, "free"], rows, title="Holidays, three shifts of 8 hours")


def _who(shifts: Iterable[Shift]) -> str:
    """Who works some shifts, each once, and whose turn it was."""
    names = (one.engineer.name + (f" (for {one.instead_of.name})" if one.instead_of else "") for one in shifts)
    return ", ".join(dict.fromkeys(names))


def _show_loads(team: Team, title: str, loads: Mapping[Engineer, Load], duties: list[SprintDuty]) -> None:
    def numbers(engineer: Engineer) -> list[float]:
        worked = [round(float(getattr(loads[engineer], kind)), 2) for kind in KINDS]
        return [*worked, sum(duty.engineer == engineer for duty in duties)]

    of = {engineer.name: numbers(engineer) for engineer in team.engineers if engineer in loads}
    rows: list[tuple[Any, ...]] = [(name, *values) for name, values in of.items()]
    rows.append(("spread", *(round(max(values) - min(values), 2) for values in zip(*of.values(), strict=True))))
    show(["engineer", *KINDS, "sprints"], rows, title=title)


COMMANDS = (rota, requests)
