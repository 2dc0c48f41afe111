"""The rota: a pure function of team.yml and a date, which no clock and no database has a part in."""

from headline.oncall.calendars import calendars
from headline.oncall.people import AreaOwners, cover, escalation_chain, is_away, owners
from headline.oncall.public_holidays import Holiday
from headline.oncall.rota import calendar, holidays, loads, next_on_call, on_call, standing
from headline.oncall.shifts import Load, Shift
from headline.oncall.sprints import Request, SprintDuty, Triage, sprint_duty, sprints, triage

__all__ = [
    "AreaOwners",
    "Holiday",
    "Load",
    "Request",
    "Shift",
    "SprintDuty",
    "Triage",
    "calendar",
    "calendars",
    "cover",
    "escalation_chain",
    "holidays",
    "is_away",
    "loads",
    "next_on_call",
    "on_call",
    "owners",
    "sprint_duty",
    "sprints",
    "standing",
    "triage",
]
