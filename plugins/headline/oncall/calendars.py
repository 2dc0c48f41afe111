"""The rota as calendars that any calendar program reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import TYPE_CHECKING

from headline.intervals import DAY
from headline.oncall.rota import calendar
from headline.oncall.shifts import Shift
from headline.oncall.sprints import SprintDuty, sprints
from headline.specs.team import Engineer, Team

if TYPE_CHECKING:
    from icalendar import Event

TEAM = "team"


def calendars(team: Team, first: date, last: date, written_at: datetime) -> dict[str, bytes]:
    """An iCalendar file for each engineer who has duty in those days, by id, and one of all of them, called `team`.

    A duty keeps its UID as long as it begins at the same moment, so that a file read once more updates what was read before.
    Raises BadRequest for days before the rota begins.
    """
    shifts = [shift for shift in calendar(team, first, last) if shift.start.date() >= first]
    duties = [duty for duty in sprints(team, first, last) if duty.first >= first]
    files = {TEAM: _calendar("On call: everybody", _events(shifts, duties, written_at, named=True))}
    for one in team.engineers:
        mine = [shift for shift in shifts if shift.engineer == one], [duty for duty in duties if duty.engineer == one]
        if any(mine):
            files[one.id] = _calendar(f"On call: {one.name}", _events(*mine, written_at, named=False))
    return files


def _calendar(name: str, events: Iterable[Event]) -> bytes:
    from icalendar import Calendar

    made = Calendar()
    made.add("prodid", "-//Headline//rota//EN")
    made.add("version", "2.0")
    made.add("x-wr-calname", name)
    for event in events:
        made.add_component(event)
    return made.to_ical()


def _events(shifts: Iterable[Shift], duties: Iterable[SprintDuty], written_at: datetime, *, named: bool) -> Iterator[Event]:
    """Shifts from moment to moment, sprints as days on which one is not busy; `named`: with who it is."""
    for shift in shifts:
        duty, what = f"{shift.kind}-{shift.start:%Y%m%dT%H%MZ}", f"on call, {shift.holiday or shift.kind}"
        event = _event(duty, what, shift.engineer, written_at, named=named)
        event.add("dtstart", shift.start)
        event.add("dtend", shift.end)
        if shift.instead_of:
            event.add("description", f"Instead of {shift.instead_of.name}")
        yield event
    for sprint in duties:
        duty, what = f"requests-{sprint.first:%Y%m%d}", f"requests, up to {sprint.budget} points"
        event = _event(duty, what, sprint.engineer, written_at, named=named)
        event.add("dtstart", sprint.first)
        event.add("dtend", sprint.last + DAY)
        event.add("transp", "TRANSPARENT")
        yield event


def _event(duty: str, what: str, engineer: Engineer, written_at: datetime, *, named: bool) -> Event:
    from icalendar import Event

    event = Event()
    event.add("uid", f"{duty}-{TEAM if named else engineer.id}@headline")
    event.add("dtstamp", written_at)
    event.add("summary", f"{engineer.name}: {what}" if named else what[0].upper() + what[1:])
    return event
