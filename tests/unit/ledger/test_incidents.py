"""Incidents on a real PostgreSQL: one however often it fires, and everything that happens to it in order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from threading import Barrier

import pytest

from headline.errors import BadRequest
from headline.ledger import Ledger
from headline.ledger.incident import Event, Finding
from headline.ledger.incidents import Incidents

DAY = date(2026, 11, 19)
DUE = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def finding(pipeline: str = "core_shop", kind: str = "landing_missed", **facts: object) -> Finding:
    return Finding(pipeline, kind, DAY, DUE, facts)


@pytest.fixture
def incidents(ledger: Ledger) -> Incidents:
    return Incidents()


def events(incidents: Incidents, incident_id: int) -> list[str]:
    return [event.event for event in incidents.history(incident_id)]


def test_a_finding_is_one_incident_however_often_it_fires(incidents: Incidents) -> None:
    first = incidents.fire(finding(missing=["a"]), DUE + MINUTE)
    again = incidents.fire(finding(missing=["a"]), DUE + 2 * MINUTE)
    assert again == first
    assert (first.state, first.since, first.opened_at) == ("open", DUE, DUE + MINUTE)
    more = incidents.fire(finding(missing=["a", "b"]), DUE + 3 * MINUTE)
    assert more.facts == {"missing": ["a", "b"]}
    assert more.opened_at == first.opened_at
    assert incidents.fire(finding(pipeline="shop"), DUE).id != first.id
    assert incidents.fire(finding(kind="task_failed"), DUE).id != first.id
    assert events(incidents, first.id) == ["opened", "seen_again"]


def test_those_who_find_the_same_at_the_same_time_open_it_once(incidents: Incidents) -> None:
    together = Barrier(8)

    def fire(number: int) -> int:
        together.wait()
        return incidents.fire(finding(), DUE + number * MINUTE).id

    with ThreadPoolExecutor(8) as pool:
        found = set(pool.map(fire, range(8)))
    [only] = incidents.open()
    assert found == {only.id}
    assert events(incidents, only.id) == ["opened"]


def test_open_acknowledged_resolved(incidents: Incidents) -> None:
    opened = incidents.fire(finding(), DUE)
    taken = incidents.acknowledge(opened.id, "ada", DUE + 5 * MINUTE)
    assert (taken.state, taken.acknowledged_by, taken.acknowledged_at) == ("acknowledged", "ada", DUE + 5 * MINUTE)
    assert incidents.acknowledge(opened.id, "ben", DUE + 6 * MINUTE) == taken, "the first to take it has it"
    over = incidents.resolve(opened.id, DUE + 9 * MINUTE, "published")
    assert (over.state, over.resolved_at, over.acknowledged_by) == ("resolved", DUE + 9 * MINUTE, "ada")
    assert incidents.resolve(opened.id, DUE + 10 * MINUTE, "again") == over
    assert incidents.acknowledge(opened.id, "ben", DUE + 11 * MINUTE) == over
    assert incidents.open() == []
    assert incidents.recent(DUE) == [over]
    assert incidents.recent(DUE + MINUTE) == []
    assert [(event.event, event.person, event.detail) for event in incidents.history(opened.id)] == [
        ("opened", None, ""),
        ("acknowledged", "ada", ""),
        ("resolved", None, "published"),
    ]


def test_what_comes_back_is_open_again(incidents: Incidents) -> None:
    opened = incidents.fire(finding(run_id="first"), DUE)
    incidents.acknowledge(opened.id, "ada", DUE)
    incidents.resolve(opened.id, DUE, "published")
    again = incidents.fire(finding(task_id="audit"), DUE + MINUTE)
    assert (again.id, again.state, again.acknowledged_by, again.resolved_at) == (opened.id, "open", None, None)
    assert (again.opened_at, again.facts) == (DUE + MINUTE, {"task_id": "audit"})


def test_armed_anew_it_is_open_and_nobody_has_it(incidents: Incidents) -> None:
    opened = incidents.fire(finding(), DUE)
    incidents.acknowledge(opened.id, "ada", DUE)
    armed = incidents.rearm(opened.id, DUE + MINUTE, "still not over")
    assert (armed.state, armed.acknowledged_at, armed.acknowledged_by) == ("open", None, None)
    incidents.rearm(opened.id, DUE + 2 * MINUTE, "nobody took it")
    incidents.resolve(opened.id, DUE, "published")
    assert incidents.rearm(opened.id, DUE, "too late").state == "resolved"
    assert events(incidents, opened.id) == ["opened", "acknowledged", "rearmed", "rearmed", "resolved"]


def test_it_hangs_on_its_cause(incidents: Incidents) -> None:
    cause, one = incidents.fire(finding(), DUE), incidents.fire(finding(pipeline="unit_profit"), DUE)
    assert incidents.link(one.id, cause.id, DUE, "follows").cause_id == cause.id
    incidents.link(one.id, cause.id, DUE + MINUTE, "follows")
    assert events(incidents, one.id) == ["opened", "linked"]


def test_an_incident_that_is_none_is_refused(incidents: Incidents) -> None:
    for ask in (lambda: incidents.get(7), lambda: incidents.acknowledge(7, "ada"), lambda: incidents.resolve(7, DUE, "")):
        with pytest.raises(BadRequest, match="there is no incident 7; `headline incidents` lists them"):
            ask()


def test_only_one_tells_at_a_time(incidents: Incidents) -> None:
    with incidents.telling(1) as ours, incidents.telling(1) as theirs, incidents.telling(2) as other:
        assert (ours, theirs, other) == (True, False, True)
    with incidents.telling(1) as ours:
        assert ours


@pytest.mark.parametrize(
    ("tries", "broken"),
    [
        ([("told", "slack", "")], {}),
        ([("told", "slack", ""), ("delivery_failed", "slack", "HTTP 500")], {"slack": "HTTP 500"}),
        ([("delivery_failed", "slack", "HTTP 500"), ("told", "email", "")], {"slack": "HTTP 500"}),
        ([("delivery_failed", "slack", "HTTP 500"), ("told", "slack", "")], {}),
        ([("delivery_failed", None, "every channel failed")], {}),
    ],
)
def test_a_channel_is_broken_until_it_works_again(
    tries: list[tuple[str, str | None, str]], broken: dict[str, str], incidents: Incidents
) -> None:
    opened = incidents.fire(finding(), DUE)
    for event, channel, detail in tries:
        incidents.record(Event(opened.id, DUE, event, "ada", channel, detail))
    assert incidents.broken_channels() == broken


def test_the_times_are_measured(incidents: Incidents) -> None:
    for number, pipeline in enumerate(("core_shop", "shop", "app"), start=1):
        opened = incidents.fire(finding(pipeline), DUE + number * MINUTE)
        incidents.acknowledge(opened.id, "ada", DUE + 3 * number * MINUTE)
        incidents.resolve(opened.id, DUE + 10 * number * MINUTE, "published")
    follows = incidents.fire(finding("unit_profit"), DUE + 50 * MINUTE)
    incidents.link(follows.id, opened.id, DUE, "follows")
    everything = {"core_shop", "shop", "app", "unit_profit"}
    [row] = incidents.times(DUE, everything)
    assert tuple(row) == ("landing_missed", 3, 2 * MINUTE, 4 * MINUTE, 18 * MINUTE)
    assert incidents.times(DUE + 60 * MINUTE, everything) == []
    assert [row.count for row in incidents.times(DUE, {"shop"})] == [1], "of the pipelines that are asked for"
