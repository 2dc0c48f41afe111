"""What the server answers programs: what the pages show, with the rights of whoever asks, and in their name."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import HTTPException
from fastapi.encoders import jsonable_encoder
from tests.unit.pages.airflow import FakeAirflow, run, task
from tests.unit.records import days_of, record

from headline import specs
from headline.airflow_api import AirflowApi
from headline.errors import BadRequest
from headline.intervals import DAY
from headline.ledger import Ledger
from headline.ledger.incident import Finding
from headline.ledger.incidents import Incidents
from headline.pages import answers

D1 = date(2026, 3, 1)
NOW = datetime.now(UTC)
EARLIER = NOW - timedelta(hours=1)


@dataclass
class Somebody:
    """A visitor who sees some DAGs, and acts on others."""

    sees: set[str] = field(default_factory=lambda: {"shop", "core_shop", "unit_profit"})
    acts_on: set[str] = field(default_factory=lambda: {"shop", "core_shop", "unit_profit"})
    name: str = "ada"

    def readable(self) -> set[str]:
        return self.sees

    def must_read(self, dag_id: str) -> None:
        self._must(dag_id, self.sees)

    def must_edit(self, dag_id: str) -> None:
        self._must(dag_id, self.acts_on)

    must_trigger = must_edit

    @staticmethod
    def _must(dag_id: str, allowed: set[str]) -> None:
        if dag_id not in allowed:
            raise HTTPException(403, "no")


def status(api: AirflowApi, who: Somebody | None = None) -> Any:
    return json.loads(json.dumps(jsonable_encoder(answers.status(who or Somebody(), api))))  # type: ignore[arg-type]


def ordered(*dag_ids: str, first: str = "2026-01-30", last: str = "", who: Somebody | None = None) -> Any:
    return answers.order(who or Somebody(), list(dag_ids), first, last)  # type: ignore[arg-type]


def waits(dag_id: str, first: str, last: str) -> list[str]:
    return answers.waits(Somebody(), dag_id, first, last)  # type: ignore[arg-type]


def test_a_failed_run_is_told_with_its_reason(project: Any) -> None:
    failed = run("core_shop", "manual__1", "failed", EARLIER, conf={"from": str(D1)})
    airflow = FakeAirflow([failed], [task("core_shop", "manual__1", "failed", EARLIER)], errors={"manual__1": "[/bad] markup"})
    [told] = status(airflow.api)["runs"]
    assert told == {
        "dag_id": "core_shop",
        "state": "failed",
        "name": "run",
        "days": "2026-03-01",
        "reason": "write_audit_publish: [/bad] markup",
    }


def test_what_airflow_does_not_tell_is_said(project: Any) -> None:
    refusing = AirflowApi.with_headers({}, httpx.MockTransport(lambda _request: httpx.Response(503, text="soon")))
    assert status(refusing)["problem"].startswith("Airflow: GET")


def test_days_behind_their_inputs_are_told_until_they_are_computed_again(project: Any) -> None:
    record(project.ledger, *days_of("raw.orders", D1, D1 + DAY))
    record(project.ledger, *days_of("core.orders", D1, D1 + DAY))
    record(project.ledger, *days_of("core.running_totals", D1, D1 + DAY))
    assert status(FakeAirflow().api) == {"runs": [], "behind": [], "problem": ""}
    record(project.ledger, *days_of("raw.orders", D1, content="changed "))
    behind = [{"table": "core.orders", "count": 1, "days": "2026-03-01"}]
    assert status(FakeAirflow().api)["behind"] == behind
    assert status(FakeAirflow().api, Somebody(sees={"shop"}))["behind"] == [], "for those who may see it"
    record(project.ledger, unchanged={"core.orders": [D1]}, inputs={"core.orders": ["raw.orders"]})
    assert status(FakeAirflow().api)["behind"] == [], "also where it came out as it was, so that no version tells it"


@pytest.fixture
def opened(ledger: Ledger) -> dict[str, int]:
    """An incident of each of two pipelines, by pipeline."""
    fire = Incidents().fire
    return {name: fire(Finding(name, "task_failed", D1, EARLIER), EARLIER).id for name in ("shop", "finance")}


def test_incidents_are_those_of_pipelines_that_one_may_see(opened: dict[str, int]) -> None:
    shown = answers.incidents(Somebody())  # type: ignore[arg-type]
    assert [(one["pipeline"], one["state"]) for one in shown] == [("shop", "open")]
    Incidents().resolve(opened["shop"], NOW, "published")
    assert answers.incidents(Somebody()) == []  # type: ignore[arg-type]
    assert [one["id"] for one in answers.incidents(Somebody(), days=1)] == [opened["shop"]]  # type: ignore[arg-type]
    [times] = answers.times(Somebody())  # type: ignore[arg-type]
    assert (times["kind"], times["incidents"], times["to acknowledge"]) == ("task_failed", 1, None)
    assert 3590 < times["to resolve"] < 3700


def test_an_incident_is_acknowledged_in_the_visitors_name_alone(opened: dict[str, int]) -> None:
    taken = answers.acknowledge(Somebody(), opened["shop"])  # type: ignore[arg-type]
    assert (taken["state"], taken["acknowledged_by"]) == ("acknowledged", "ada")
    assert [(one.event, one.person) for one in Incidents().history(opened["shop"])][-1] == ("acknowledged", "ada")
    refused = [
        (Somebody(), opened["finance"], 403),
        (Somebody(sees={"finance"}, acts_on=set()), opened["finance"], 403),
        (Somebody(), 10**6, 404),
    ]
    for who, incident, code in refused:
        with pytest.raises(HTTPException) as error:
            answers.acknowledge(who, incident)  # type: ignore[arg-type]
        assert error.value.status_code == code
    assert Incidents().get(opened["finance"]).state == "open"


def test_the_order_in_which_dags_are_named_does_not_matter(ledger: Ledger) -> None:
    """A reader that ran first would wait for what comes after it, and the command with it."""
    found = ordered("core_shop", "shop", "core_shop")
    assert found["order"] == ["shop", "core_shop"]
    assert found["notes"] == ["in the order in which they read each other: shop core_shop"]
    [note] = ordered("shop", "unit_profit")["notes"]
    assert "left out between them is core_shop" in note
    assert "headline trigger shop core_shop unit_profit" in note


def test_figures_are_those_of_these_days(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def held_back(_catalog: Any, dag_id: str, days: Any) -> list[Any]:
        asked.append((dag_id, str(days.start), str(days.end)))
        return []

    monkeypatch.setattr(answers, "held_back", held_back)
    assert ordered("shop", "core_shop", last="2026-01-31")["figures"] == []
    assert asked == [("shop", "2026-01-30", "2026-02-01"), ("core_shop", "2026-01-30", "2026-02-01")]


@pytest.mark.parametrize(
    ("first", "last", "complaint"),
    [
        ("2026-01-30", "2026-01-29", "before it begins"),
        ("", "2026-01-30", "fill in «from»"),
        ("1926-01-01", "", "before 2000-01-01"),
        ("2016-01-01", "2026-01-01", "one run has 400 days at most|are 3,654 days"),
        ("x", "", "is no day"),
        ("9999-01-01", "", "has not ended yet"),
    ],
)
def test_days_that_no_run_may_have_are_refused_before_one_starts(first: str, last: str, complaint: str) -> None:
    with pytest.raises(BadRequest, match=complaint):  # answered as 400
        ordered("shop", first=first, last=last)


def test_who_may_not_run_a_dag_is_not_told_how() -> None:
    with pytest.raises(HTTPException) as error:
        ordered("shop", "core_shop", who=Somebody(acts_on={"shop"}))
    assert error.value.status_code == 403


def test_what_a_run_waits_for_is_said_with_what_brings_it(ledger: Ledger) -> None:
    first, line = waits("core_shop", "2026-01-30", "2026-01-31")
    assert "core_shop waits for " in first
    assert "more tables, 2026-01-30 to 2026-01-31, and goes on" in first
    named, _, days_said = line.removeprefix("  headline trigger ").partition(" --from ")
    assert (set(named.split()), days_said) == ({"shop", "finance", "core_finance"}, "2026-01-30 --to 2026-01-31")
    assert named.index("finance") < named.index("core_finance")
    reads = [name for name in specs.load().pipelines["core_shop"].inputs if name != "calendar.days"]
    record(ledger, *(one for name in reads for one in days_of(name, date(2026, 1, 30), date(2026, 1, 31))))
    assert waits("core_shop", "2026-01-30", "2026-01-31") == []
