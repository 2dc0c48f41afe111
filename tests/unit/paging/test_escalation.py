"""Who is told next, and when, with the clock in hand."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from headline.incidents.kinds import REARM_AFTER
from headline.ledger.incident import Event, Incident
from headline.paging.channels import Contact
from headline.paging.escalation import TIME_TO_FIX, TIME_TO_FOLLOW, Step, in_daytime, next_step

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NIGHT = datetime(2026, 11, 20, 2, 47, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
HALF_HOUR = 30 * MINUTE
ADA, BEN, CLEO = (
    Contact("ada", "Europe/Berlin", "on call"),
    Contact("ben", "America/New_York", "primary"),
    Contact("cleo", "Asia/Tokyo", "secondary"),
)


def incident(opened_at: datetime = NOON, kind: str = "contract_failed") -> Incident:
    return Incident(1, kind, "core_shop", date(2026, 11, 19), "open", None, opened_at, opened_at)


def event(name: str, at: datetime, person: str | None = None, channel: str | None = None) -> Event:
    return Event(1, at, name, person, channel)


def told(contact: Contact, at: datetime) -> list[Event]:
    return [event("told", at, contact.person, "inbox"), event("told", at, contact.person, "slack")]


def step(
    events: list[Event],
    about: Incident | None = None,
    *,
    cause: Incident | None = None,
    tier: int = 1,
    wakes: bool = True,
    delay: timedelta = HALF_HOUR,
) -> Step | None:
    about = about or incident()
    opened = event("opened", about.opened_at)
    return next_step(about, [opened, *events], [ADA, BEN, CLEO], cause=cause, tier=tier, wakes=wakes, delay=delay)


def test_on_call_then_primary_then_secondary_while_nobody_acknowledges() -> None:
    events: list[Event] = []
    at = NOON
    for contact in (ADA, BEN, CLEO):
        assert step(events) == Step(at, contact, is_first=contact is ADA)
        events += told(contact, at)
        at += HALF_HOUR
    assert step(events) == Step(at - HALF_HOUR + REARM_AFTER[1], None, is_first=False)


def test_the_delay_counts_from_when_the_one_before_was_really_told() -> None:
    assert step(told(ADA, NOON + 7 * MINUTE)) == Step(NOON + 37 * MINUTE, BEN, is_first=False)
    assert step(told(ADA, NOON), tier=2, delay=4 * HOUR) == Step(NOON + 4 * HOUR, BEN, is_first=False)


def test_whoever_has_it_is_reminded_but_nobody_else_is_told() -> None:
    taken = replace(incident(), state="acknowledged", acknowledged_at=NOON + MINUTE)
    assert step(told(ADA, NOON), taken) == Step(NOON + MINUTE + REARM_AFTER[1], None, is_first=False)
    assert step(told(ADA, NOON), taken, tier=2) == Step(NOON + MINUTE + REARM_AFTER[2], None, is_first=False)
    assert step(told(ADA, NOON), replace(taken, kind="profit_drop")) is None, "to know it is enough"
    assert step([], replace(incident(), state="resolved")) is None


def test_armed_anew_it_begins_with_whoever_is_on_call() -> None:
    events = [*told(ADA, NOON), event("acknowledged", NOON, "ada"), event("rearmed", NOON + 4 * HOUR)]
    assert step(events) == Step(NOON + 4 * HOUR, ADA, is_first=True)
    assert step([*events, *told(ADA, NOON + 4 * HOUR)]) == Step(NOON + 4 * HOUR + HALF_HOUR, BEN, is_first=False)


def test_opened_again_it_begins_anew() -> None:
    events = [*told(ADA, NOON), event("resolved", NOON), event("opened", NOON + HOUR)]
    assert step(events) == Step(NOON + HOUR, ADA, is_first=True)


def test_on_call_who_is_the_owner_too_is_told_once() -> None:
    chain = [ADA, replace(ADA, role="primary"), CLEO]
    opened = event("opened", NOON)
    found = next_step(incident(), [opened, *told(ADA, NOON)], chain, cause=None, tier=1, wakes=True, delay=HALF_HOUR)
    assert found == Step(NOON + HALF_HOUR, CLEO, is_first=False)


def test_at_night_only_what_wakes_is_told() -> None:
    about = incident(NIGHT)  # 03:47 in Berlin, 21:47 in New York, 11:47 in Tokyo
    assert step([], about) == Step(NIGHT, ADA, is_first=True)
    assert step([], about, wakes=False) == Step(NIGHT.replace(hour=7, minute=0), ADA, is_first=True)
    at_eight = NIGHT.replace(hour=7, minute=0)
    assert step(told(ADA, at_eight), about, wakes=False) == Step(NIGHT.replace(hour=13, minute=0), BEN, is_first=False)


@pytest.mark.parametrize(
    ("moment", "zone", "told_at"),
    [
        ("2026-11-20T07:59+00:00", "UTC", "2026-11-20T08:00+00:00"),
        ("2026-11-20T08:00+00:00", "UTC", "2026-11-20T08:00+00:00"),
        ("2026-11-20T19:59+00:00", "UTC", "2026-11-20T19:59+00:00"),
        ("2026-11-20T20:00+00:00", "UTC", "2026-11-21T08:00+00:00"),
        ("2026-03-29T00:30+00:00", "Europe/Berlin", "2026-03-29T06:00+00:00"),  # the clocks go forward in between
    ],
)
def test_night_ends_at_eight_where_the_person_lives(moment: str, zone: str, told_at: str) -> None:
    assert in_daytime(datetime.fromisoformat(moment), zone) == datetime.fromisoformat(told_at)


def test_what_hangs_on_an_open_cause_is_not_told() -> None:
    cause = replace(incident(), id=2)
    assert step([], cause=cause) is None
    assert step([], cause=replace(cause, state="acknowledged")) is None
    over = replace(cause, state="resolved", resolved_at=NOON + HOUR)
    assert step([], cause=over) == Step(NOON + HOUR + TIME_TO_FOLLOW, ADA, is_first=True)


def test_whoever_cannot_be_reached_is_passed_over_at_once() -> None:
    failed = [event("told", NOON, "ada", "inbox"), event("delivery_failed", NOON, "ada", "slack")]
    assert step(failed) == Step(NOON, BEN, is_first=True)
    assert step([*failed, *told(BEN, NOON)]) == Step(NOON + HALF_HOUR, CLEO, is_first=False)


def test_a_channel_that_failed_does_not_matter_where_the_next_worked() -> None:
    events = [
        event("told", NOON, "ada", "inbox"),
        event("delivery_failed", NOON, "ada", "sns"),
        event("told", NOON, "ada", "slack"),
    ]
    assert step(events) == Step(NOON + HALF_HOUR, BEN, is_first=False)


def test_where_there_are_no_channels_the_inbox_counts() -> None:
    assert step([event("told", NOON, "ada", "inbox")]) == Step(NOON + HALF_HOUR, BEN, is_first=False)


def test_nobody_could_be_reached_so_it_is_tried_anew_soon() -> None:
    failed = [
        one
        for contact in (ADA, BEN, CLEO)
        for one in (
            event("told", NOON, contact.person, "inbox"),
            event("delivery_failed", NOON, contact.person, "slack"),
        )
    ]
    assert step(failed) == Step(NOON + TIME_TO_FIX, None, is_first=False)
    assert step([*failed, event("rearmed", NOON + TIME_TO_FIX)]) == Step(NOON + TIME_TO_FIX, ADA, is_first=True)
