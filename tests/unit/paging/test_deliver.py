"""Telling people: once, over the first channel that works, with everything in the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from tests.unit.paging.people import Team

from headline.errors import Transient
from headline.ledger import IssuedFigures, Ledger
from headline.ledger.incident import Finding, Incident
from headline.ledger.incidents import Incidents
from headline.paging.channels import Channel, Contact
from headline.paging.deliver import Delivery
from headline.paging.message import Message
from headline.specs import Catalog

DAY = date(2026, 11, 19)
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
NIGHT = datetime(2026, 11, 20, 2, 47, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True)
class Fake(Channel):
    """A channel that keeps what it takes, or fails."""

    conn_id: str = ""
    people: dict[str, str] = field(default_factory=lambda: {"ada": "", "ben": "", "cleo": ""})
    taken: list[tuple[str, str]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    shorts: list[str] = field(default_factory=list)

    def send(self, message: Message, contact: Contact) -> str:
        if self.faults:
            raise ConnectionError(self.faults[0])
        self.taken.append((contact.person, message.subject))
        self.texts.append(message.text)
        self.shorts.append(message.short)
        return "; ".join(self.refused)

    @property
    def told(self) -> list[str]:
        return [person for person, _ in self.taken]


@pytest.fixture
def channels() -> dict[str, Fake]:
    return {"sns": Fake(), "slack": Fake(), "email": Fake()}


class Desk:
    """Incidents fire, time passes, people are told."""

    def __init__(self, catalog: Catalog, channels: dict[str, Fake]) -> None:
        self.catalog, self.channels, self.incidents = catalog, channels, Incidents()

    def fire(self, pipeline: str = "core_shop", kind: str = "contract_failed", at: datetime = NOON, **facts: Any) -> Incident:
        return self.incidents.fire(Finding(pipeline, kind, DAY, at, facts), at)

    def deliver(self, at: datetime) -> datetime | None:
        return Delivery(self.catalog, Team(), at, self.incidents, self.channels).run()

    def events(self, incident: Incident) -> list[tuple[str, str | None, str | None]]:
        return [(event.event, event.person, event.channel) for event in self.incidents.history(incident.id)]

    def told(self) -> dict[str, list[str]]:
        return {name: channel.told for name, channel in self.channels.items() if channel.told}


@pytest.fixture
def desk(catalog: Catalog, ledger: Ledger, channels: dict[str, Fake]) -> Desk:
    return Desk(catalog, channels)


def test_all_that_is_sent_anchors_the_chain_and_goes_out_where_that_cannot_be_read(
    desk: Desk, channels: dict[str, Fake], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    monkeypatch.setattr(IssuedFigures, "head", lambda _: read.append("") or "0123456789abcdef" * 4)
    for day in ("core_shop", "shop"):
        desk.fire(day)
    desk.deliver(NOON)
    [sns] = [channel for channel in channels.values() if channel.shorts]
    assert ["Head of issued figures: 0123456789abcdef" in text for text in (*sns.shorts, *sns.texts)] == [True] * 4
    assert len(read) == 1, "once a round"

    def fail(_: IssuedFigures) -> str:
        raise Transient("the ledger is out of reach")

    monkeypatch.setattr(IssuedFigures, "head", fail)
    desk.fire("core_app")
    desk.deliver(NOON)
    assert len(sns.shorts) == 3
    assert "Head of" not in sns.texts[-1]


def test_on_call_is_told_once_and_then_the_owners(desk: Desk) -> None:
    incident = desk.fire()
    assert desk.deliver(NOON) == NOON + 30 * MINUTE
    assert desk.deliver(NOON + 10 * MINUTE) == NOON + 30 * MINUTE
    assert desk.told() == {"sns": ["ada"]}
    assert desk.deliver(NOON + 30 * MINUTE) == NOON + 60 * MINUTE
    desk.deliver(NOON + 60 * MINUTE)
    assert desk.told() == {"sns": ["ada", "ben", "cleo"]}
    assert desk.events(incident) == [
        ("opened", None, None),
        ("told", "ada", "inbox"),
        ("told", "ada", "sns"),
        ("escalated", "ben", None),
        ("told", "ben", "inbox"),
        ("told", "ben", "sns"),
        ("escalated", "cleo", None),
        ("told", "cleo", "inbox"),
        ("told", "cleo", "sns"),
    ]
    inbox = [event.detail for event in desk.incidents.history(incident.id) if event.channel == "inbox"]
    assert all("Acknowledge: http://localhost:8080/headline/incidents/" in text for text in inbox)


def test_an_acknowledgement_in_time_ends_it_and_one_too_late_does_not(desk: Desk) -> None:
    incident = desk.fire()
    desk.deliver(NOON)
    desk.incidents.acknowledge(incident.id, "ada", NOON + 29 * MINUTE)
    assert desk.deliver(NOON + 31 * MINUTE) == NOON + 29 * MINUTE + 4 * HOUR
    assert desk.told() == {"sns": ["ada"]}
    desk.deliver(NOON + 5 * HOUR)
    assert desk.told() == {"sns": ["ada", "ada"]}, "taken and still not over"
    assert ("rearmed", None, None) in desk.events(incident)
    desk.deliver(NOON + 5 * HOUR + 30 * MINUTE)
    desk.incidents.acknowledge(incident.id, "ada", NOON + 5 * HOUR + 31 * MINUTE)
    assert desk.told() == {"sns": ["ada", "ada", "ben"]}


def test_the_next_channel_is_used_and_the_broken_one_is_an_incident(desk: Desk) -> None:
    desk.channels["sns"].faults.append("https://user:secret@sns is down")
    incident = desk.fire()
    desk.deliver(NOON)
    assert desk.told() == {"slack": ["ada", "ada"]}
    assert [subject for _, subject in desk.channels["slack"].taken] == [
        "T1 core_shop 11-19 failed its checks",
        "T1 Alerts fail: sns",
    ]
    [failed] = [one for one in desk.incidents.open() if one.kind == "alert_path_failed"]
    assert (failed.pipeline, failed.ds) == ("freshness_watch", NOON.date())
    assert failed.facts == {"down": {"sns": "ConnectionError: https://…@sns is down"}}
    assert ("delivery_failed", "ada", "sns") in desk.events(incident)
    assert ("delivery_failed", "ada", "sns") not in desk.events(failed), "what has just failed is not tried again"
    desk.deliver(NOON + 10 * MINUTE)
    assert desk.told() == {"slack": ["ada", "ada"]}
    desk.deliver(NOON + 30 * MINUTE)
    assert desk.told() == {"slack": ["ada", "ada", "ben", "ben"]}
    assert len(desk.incidents.open()) == 2


def test_an_address_that_was_refused_is_told_and_the_person_is_reached_all_the_same(desk: Desk) -> None:
    desk.channels["sns"].refused.append("1 of 2 addresses rejected")
    incident = desk.fire()
    desk.deliver(NOON)
    assert desk.told() == {"sns": ["ada", "ada"]}, "of the incident, and of what was refused"
    assert desk.events(incident)[-2:] == [("told", "ada", "sns"), ("delivery_failed", "ada", "sns")]
    [failed] = [one for one in desk.incidents.open() if one.kind == "alert_path_failed"]
    assert failed.facts == {"down": {"sns": "1 of 2 addresses rejected"}}
    assert desk.deliver(NOON + MINUTE) == NOON + 30 * MINUTE, "ada was told"


EXPECTED = {"deadline": (NIGHT + 13 * MINUTE).isoformat(), "expected_at": (NIGHT + 90 * MINUTE).isoformat()}


def test_a_forecast_is_not_told_after_the_deadline_though_the_watch_has_not_looked(desk: Desk) -> None:
    """Somebody else's finding has people told of everything that is open."""
    incident = desk.fire(kind="landing_missed", at=NIGHT, phase="at_risk", missing=["core.order_lines"], **EXPECTED)
    desk.deliver(NIGHT + 12 * MINUTE)
    assert desk.told() == {}
    desk.deliver(NIGHT + 14 * MINUTE)
    [text] = desk.channels["sns"].texts
    assert "core_shop has not landed 2026-11-19; core.order_lines missing" in text
    assert "will land" not in text
    assert desk.incidents.get(incident.id).facts["phase"] == "at_risk", "only a look decides"


def test_when_the_phase_changes_facts_of_the_earlier_one_are_gone(desk: Desk) -> None:
    facts = {"missing": ["core.order_lines"], "waits_for": ["shop"]}
    slow = [{"task_id": "x", "since": NIGHT.isoformat(), "usual_minutes": 2}]
    desk.fire(kind="landing_missed", at=NIGHT, phase="at_risk", slow=slow, **EXPECTED, **facts)
    missed = {"phase": "missed", "missing": ["core.order_lines"], "waits_for": [], "cause": "late"}
    assert desk.fire(kind="landing_missed", at=NIGHT + HOUR, **missed).facts == missed
    desk.deliver(NIGHT + HOUR)
    [text] = desk.channels["sns"].texts
    assert "late: its inputs are published" in text
    assert not [word for word in ("will land", "about", "usually", "waits for") if word in text]


def test_what_could_not_be_checked_and_then_was_says_only_what_holds(desk: Desk) -> None:
    desk.fire(kind="contract_not_evaluated", behind=["core_app"], error="core.orders is behind")
    checks = [{"name": "no duplicates", "measured": "3", "threshold": "0", "sample": []}]
    incident = desk.fire(kind="contract_not_evaluated", table="core.order_lines", checks=checks)
    assert incident.facts.keys() == {"table", "checks"}


def test_a_partial_day_says_the_newest_share(desk: Desk) -> None:
    desk.fire(kind="data_partial", partial={"core.order_lines": 0.9, "core.refunds": 0.5})
    incident = desk.fire(kind="data_partial", partial={"core.order_lines": 0.97})
    desk.deliver(NOON)
    assert "as partial: coverage core.order_lines 97.0%." in desk.channels["email"].texts[0]
    desk.incidents.resolve(incident.id, NOON + MINUTE, "the day is complete")
    again = desk.fire(kind="data_partial", at=NOON + HOUR, partial={"core.refunds": 0.4})
    assert again.facts == {"partial": {"core.refunds": 0.4}}, "opened again, it knows nothing of before"


def test_when_more_of_the_path_fails_than_was_taken_people_are_told_anew(desk: Desk) -> None:
    desk.channels["sns"].faults.append("down")
    desk.fire()
    desk.deliver(NOON)
    [failed] = [one for one in desk.incidents.open() if one.kind == "alert_path_failed"]
    desk.incidents.acknowledge(failed.id, "ada", NOON + MINUTE)
    desk.channels["slack"].faults.append("down")
    desk.fire(kind="schema_changed", at=NOON + 2 * MINUTE)
    desk.deliver(NOON + 2 * MINUTE)
    assert [subject for _, subject in desk.channels["email"].taken] == [
        "T1 core_shop 11-19 has schema drift",
        "T1 Alerts fail: slack, sns",
    ]
    assert ("rearmed", None, None) in desk.events(failed)
    desk.incidents.acknowledge(failed.id, "ada", NOON + 3 * MINUTE)
    desk.deliver(NOON + 5 * MINUTE)
    assert len(desk.channels["email"].taken) == 2, "nothing new has failed"


def test_all_channels_down_and_up_again(desk: Desk) -> None:
    for channel in desk.channels.values():
        channel.faults.append("down")
    incident = desk.fire()
    assert desk.deliver(NOON) == NOON + 10 * MINUTE
    assert desk.told() == {}
    for channel in desk.channels.values():
        channel.faults.clear()
    desk.deliver(NOON + 5 * MINUTE)
    assert desk.told() == {}
    desk.deliver(NOON + 10 * MINUTE)
    assert desk.told() == {"sns": ["ada", "ada"]}, "of the incident and of the channels"
    assert desk.events(incident)[-3:] == [("rearmed", None, None), ("told", "ada", "inbox"), ("told", "ada", "sns")]
    assert desk.incidents.broken_channels().keys() == {"slack", "email"}


def test_who_has_no_address_is_passed_over(desk: Desk) -> None:
    for channel in desk.channels.values():
        del channel.people["ada"]
    desk.fire()
    desk.deliver(NOON)
    assert desk.told() == {"sns": ["ben"]}
    assert [one.kind for one in desk.incidents.open()] == ["contract_failed"], "no channel is broken"


def test_without_channels_the_inbox_is_all_there_is(desk: Desk) -> None:
    desk.channels = {}
    incident = desk.fire()
    assert desk.deliver(NOON) == NOON + 30 * MINUTE
    assert desk.events(incident) == [("opened", None, None), ("told", "ada", "inbox")]


def test_at_night_only_investors_wake_somebody(desk: Desk) -> None:
    desk.fire("core_app", at=NIGHT)  # tier 2, but unit_profit and so investor_profit read it
    assert desk.told() == {}
    desk.deliver(NIGHT)
    assert desk.told() == {"sns": ["ada"]}
    desk.fire("core_shop", "data_stale", at=NIGHT)
    desk.fire("core_shop", "landing_missed", at=NIGHT, phase="at_risk")
    assert desk.deliver(NIGHT + MINUTE) == NIGHT + 30 * MINUTE
    assert desk.told() == {"sns": ["ada"]}
    morning = NIGHT.replace(hour=7, minute=0)  # 08:00 in Berlin
    desk.deliver(morning)
    assert desk.told()["email"] == ["ada", "ada"]


def test_a_warning_that_comes_true_wakes(desk: Desk) -> None:
    incident = desk.fire(kind="landing_missed", at=NIGHT, phase="at_risk")
    desk.deliver(NIGHT)
    assert desk.told() == {}
    desk.fire(kind="landing_missed", at=NIGHT + 13 * MINUTE, phase="missed")
    desk.deliver(NIGHT + 13 * MINUTE)
    assert desk.told() == {"sns": ["ada"]}
    assert [event for event, *_ in desk.events(incident)] == ["opened", "seen_again", "told", "told"]


def test_what_follows_from_another_is_told_with_it_and_wakes_with_it(desk: Desk) -> None:
    cause = desk.fire("core_shop", "landing_missed", at=NIGHT, phase="at_risk")
    follows = desk.fire("investor_profit", "landing_missed", at=NIGHT, phase="missed")
    desk.incidents.link(follows.id, cause.id, NIGHT, "follows")
    desk.deliver(NIGHT)
    assert desk.told() == {"sns": ["ada"]}
    assert [event for event, *_ in desk.events(follows)] == ["opened", "linked"]
    text = next(event.detail for event in desk.incidents.history(cause.id) if event.channel == "inbox")
    assert "1 more incident(s) caused by this one: investor_profit landing_missed." in text
    assert "Impact: investor_profit, unit_profit." in text

    desk.incidents.resolve(cause.id, NIGHT + 10 * MINUTE, "published")
    assert desk.deliver(NIGHT + 20 * MINUTE) == NIGHT + 40 * MINUTE
    desk.deliver(NIGHT + 40 * MINUTE)
    assert desk.events(follows)[-1] == ("told", "ada", "sns"), "its cause is over, and it is still there"


def test_two_who_tell_at_once_tell_once(desk: Desk) -> None:
    incident = desk.fire()
    with desk.incidents.telling(incident.id):
        assert desk.deliver(NOON) is None
    assert desk.told() == {}
    desk.deliver(NOON)
    assert desk.told() == {"sns": ["ada"]}
