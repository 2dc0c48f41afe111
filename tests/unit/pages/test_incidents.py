"""How incidents are listed, and what happened to each is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from headline.ledger.incidents import Event, Incident
from headline.pages.incidents import by_cause, timeline
from headline.pages.render import label

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
CAUSE = Incident(1, "contract_broken", "core_shop", date(2026, 11, 19), "open", None, NOW, NOW)
FOLLOWS = replace(CAUSE, id=2, kind="landing_missed", pipeline="unit_profit", cause_id=1)


def test_what_follows_from_an_incident_stands_below_it() -> None:
    other = replace(CAUSE, id=3, pipeline="app")
    assert by_cause([FOLLOWS, CAUSE, other]) == [(CAUSE, [FOLLOWS]), (other, [])]


def test_what_follows_from_one_that_is_not_listed_stands_for_itself() -> None:
    assert by_cause([FOLLOWS]) == [(FOLLOWS, [])]


def test_every_event_is_a_sentence() -> None:
    told = [
        (Event(1, NOW, "opened"), "Opened"),
        (Event(1, NOW, "opened", detail="again"), "Opened again"),
        (Event(1, NOW, "told", "ines", "inbox", "the message"), "Inês Carvalho was told over the inbox, which is this page"),
        (Event(1, NOW, "delivery_failed", "ines", "email", "refused"), "Inês Carvalho was not reached over e-mail"),
        (Event(1, NOW, "delivery_failed", "ines", detail="no address"), "Inês Carvalho was not reached"),
        (Event(1, NOW, "escalated", "jonas"), "Escalated to jonas"),
        (Event(1, NOW, "acknowledged", "admin"), "Acknowledged by admin"),
        (Event(1, NOW, "seen_again"), "Seen again"),
        (Event(1, NOW, "resolved", detail="published"), "Resolved"),
    ]
    entries = timeline([event for event, _ in told], {"ines": "Inês Carvalho"})
    assert [entry.what for entry in entries] == [sentence for _, sentence in told]
    assert [entry.text for entry in entries if entry.text] == ["the message"]
    assert [entry.detail for entry in entries if entry.detail] == ["refused", "no address", "published"]


def test_a_drill_is_called_so() -> None:
    assert (label(CAUSE), label(replace(CAUSE, facts={"drill": True}))) == ("contract broken", "drill")
