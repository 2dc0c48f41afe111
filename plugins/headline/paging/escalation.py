"""Who is notified next, and when: a pure function of an incident, its history and the people on call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from headline.incidents.kinds import KINDS, REARM_AFTER
from headline.intervals import DAY
from headline.ledger.incident import Event, Incident
from headline.paging.channels import INBOX, Contact

MORNING, EVENING = time(8), time(20)
# Time for an incident to resolve after the incident that caused it; after that it is notified separately.
TIME_TO_FOLLOW = timedelta(minutes=30)
# Nobody could be reached: so long until it is tried again.
TIME_TO_FIX = timedelta(minutes=10)


@dataclass(frozen=True)
class Step:
    """The next step: `contact` is notified at that time; None = everybody is notified again from then on."""

    at: datetime
    contact: Contact | None
    is_first: bool


def next_step(
    incident: Incident,
    events: Sequence[Event],
    chain: Sequence[Contact],
    *,
    cause: Incident | None,
    tier: int,
    wakes: bool,
    delay: timedelta,
) -> Step | None:
    """The next thing to do about an incident, due or not; None where nothing is left.

    `chain`: who is notified one after the other, with `delay` in between, while nobody acknowledges it. `wakes`: whether people
    are notified at night too. Each is notified once; a person who cannot be reached is skipped. It starts again if the incident
    was acknowledged, or all were notified, and it is still open after a time.
    """
    if incident.state == "resolved":
        return None
    if cause and cause.state != "resolved":
        return None
    if incident.state == "acknowledged":
        if KINDS[incident.kind].is_news or incident.acknowledged_at is None:
            return None
        return Step(incident.acknowledged_at + REARM_AFTER[tier], None, is_first=False)
    begin, lately = _since_last_start(events, incident)
    if cause and cause.resolved_at:
        begin = max(begin, cause.resolved_at + TIME_TO_FOLLOW)
    told, unreached = _told(lately), _unreached(lately)
    for contact in chain:
        if contact.person not in told.keys() | unreached.keys():
            at = max(told.values()) + delay if told else begin
            return Step(at if wakes else in_daytime(at, contact.zone), contact, is_first=not told)
    if told:
        return Step(max(told.values()) + REARM_AFTER[tier], None, is_first=False)
    return Step(max(unreached.values()) + TIME_TO_FIX, None, is_first=False) if unreached else None


def in_daytime(moment: datetime, zone: str) -> datetime:
    """That moment, or the next morning where it is night in the zone."""
    local = moment.astimezone(ZoneInfo(zone))
    if MORNING <= local.time() < EVENING:
        return moment
    day = local.date() if local.time() < MORNING else local.date() + DAY
    return datetime.combine(day, MORNING, ZoneInfo(zone)).astimezone(UTC)


def _since_last_start(events: Sequence[Event], incident: Incident) -> tuple[datetime, list[Event]]:
    """When it was opened or armed last, and what has happened since."""
    starts = [number for number, event in enumerate(events) if event.event in ("opened", "rearmed")]
    if not starts:
        return incident.opened_at, list(events)
    return events[starts[-1]].at, list(events[starts[-1] :])


def _told(events: Sequence[Event]) -> dict[str, datetime]:
    """Who was notified, and when; the inbox counts for those without another channel."""
    unreached = {event.person for event in events if event.event == "delivery_failed"}
    return {
        event.person: event.at
        for event in events
        if event.event == "told" and event.person and (event.channel != INBOX or event.person not in unreached)
    }


def _unreached(events: Sequence[Event]) -> dict[str, datetime]:
    """For whom every channel failed, and when."""
    told = _told(events)
    return {
        event.person: event.at
        for event in events
        if event.event == "delivery_failed" and event.person and event.person not in told
    }
