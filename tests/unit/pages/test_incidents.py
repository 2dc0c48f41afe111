"""How incidents are listed, and what happened to each is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

from tests.unit.pages.airflow import FakeAirflow, task

from headline.ledger.incident import Event, Incident
from headline.pages.incidents import LOG_LINES, by_cause, end_of_log, timeline
from headline.pages.render import label

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
CAUSE = Incident(1, "contract_failed", "core_shop", date(2026, 11, 19), "open", None, NOW, NOW)
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


def test_an_incident_shows_the_end_of_the_log_of_the_try_that_failed() -> None:
    airflow = FakeAirflow(
        tasks=[task("shop", "run 1", "failed", NOW, "ingest")], errors={"run 1": "\n".join(map(str, range(50)))}
    )
    facts = {"run_id": "run 1", "task_id": "ingest", "try_number": 3}
    shown = end_of_log(airflow.api, facts, "shop")
    assert shown
    assert (shown.task_id, shown.try_number, len(shown.lines), shown.problem) == ("ingest", 3, LOG_LINES, "")
    assert list(shown.lines[-2:]) == ["49", "the end"]
    without_try = end_of_log(airflow.api, facts | {"try_number": None}, "shop")
    assert without_try
    assert without_try.try_number == 1, "the newest"


def test_a_log_that_is_gone_or_not_for_everybody_is_said() -> None:
    facts = {"run_id": "run 1", "task_id": "ingest"}
    gone = end_of_log(FakeAirflow().api, facts, "shop")
    forbidden = end_of_log(FakeAirflow(errors={"run 1": "forbidden"}).api, facts | {"try_number": 1}, "shop")
    assert gone
    assert forbidden
    assert (gone.problem, forbidden.problem) == ("Airflow has no log of it any more.", "You may not read this log.")
    assert end_of_log(FakeAirflow().api, {"deadline": "2026-11-20"}, "shop") is None


def test_a_drill_is_called_so() -> None:
    assert (label(CAUSE), label(replace(CAUSE, facts={"drill": True}))) == ("contract failed", "drill")
