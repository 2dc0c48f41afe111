"""The rota as calendars that any calendar program reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from headline.intervals import DAY
from headline.oncall.rota import calendar
from headline.oncall.shifts import Shift
from headline.oncall.sprints import SprintDuty, sprints
from headline.specs.team import Team

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
        event = _event(f"{shift.kind}-{shift.start:%Y%m%dT%H%MZ}", shift.engineer.id if not named else TEAM, written_at)
        what = f"on call, {shift.holiday or shift.kind}"
        event.add("summary", f"{shift.engineer.name}: {what}" if named else what.capitalize())
        event.add("dtstart", shift.start.astimezone(UTC))
        event.add("dtend", shift.end.astimezone(UTC))
        if shift.instead_of:
            event.add("description", f"Instead of {shift.instead_of.name}")
        yield event
    for duty in duties:
        event = _event(f"requests-{duty.first:%Y%m%d}", duty.engineer.id if not named else TEAM, written_at)
        what = f"requests, up to {duty.budget} points"
        event.add("summary", f"{duty.engineer.name}: {what}" if named else what.capitalize())
        event.add("dtstart", duty.first)
        event.add("dtend", duty.last + DAY)
        event.add("transp", "TRANSPARENT")
        yield event


def _event(duty: str, whose: str, written_at: datetime) -> Event:
    from icalendar import Event

    event = Event()
    event.add("uid", f"{duty}-{whose}@headline")
    event.add("dtstamp", written_at)
    return event
