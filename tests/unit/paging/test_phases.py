"""From a day that will be late to one that is there: at each change the alert says what holds by then, and nothing of before."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.unit.company import TABLES, publication
from tests.unit.incidents.test_judge import HELD, YESTERDAY, at, history, landed, world

from headline.incidents.judge import findings, is_over
from headline.incidents.phase import present
from headline.ledger.incident import Finding, Incident, joined
from headline.paging.message import Message, Surroundings, compose
from headline.specs import Catalog

AROUND = Surroundings(1, ["unit_profit"], [], "https://airflow.example.com", ["shop"])
# What only one phase says.
FORECAST, WAITS, LATE, FAILED, PARTIAL = "will land", "waits for", "late: its inputs", "failed its checks", "coverage"
ALL = (FORECAST, WAITS, LATE, FAILED, PARTIAL, "usually")


@dataclass
class Day:
    """Yesterday of core_shop as the watch sees it, look by look, with the incidents that are open."""

    catalog: Catalog
    published: list[Any] = field(default_factory=lambda: [*history(), *landed(YESTERDAY, {"raw.events", "core.user_days"})])
    open: dict[str, Incident] = field(default_factory=dict)

    def look(self, clock: str, **more: Any) -> dict[str, str]:
        """What an alert about each open incident would say at this moment."""
        here = world(self.catalog, at(clock), self.published, **more)
        found = [one for one in findings(here, self.open.values()) if (one.pipeline, one.ds) == ("core_shop", YESTERDAY)]
        for finding in found:
            self.open[finding.kind] = self._fired(finding, at(clock))
        still = {one.key for one in found}
        self.open = {kind: one for kind, one in self.open.items() if not is_over(one, here, still)}
        return {kind: text(self.message(kind, clock)) for kind in self.open}

    def message(self, kind: str, clock: str) -> Message:
        return compose(present(self.open[kind], at(clock)), AROUND)

    def _fired(self, finding: Finding, moment: datetime) -> Incident:
        known = self.open.get(finding.kind)
        if known:
            return replace(known, facts=joined(known.facts, finding))
        return Incident(7, finding.kind, "core_shop", YESTERDAY, "open", None, finding.since, moment, facts=finding.facts)

    def lands(self, table: str, clock: str, coverage: str = "1") -> None:
        self.published.append(publication(table, YESTERDAY, at(clock), coverage))


def text(message: Message) -> str:
    return f"{message.subject}\n{message.text}\n{message.short}"


def said(texts: dict[str, str]) -> dict[str, set[str]]:
    """Which of the phrases each alert holds."""
    return {kind: {phrase for phrase in ALL if phrase in told} for kind, told in texts.items()}


def test_each_look_says_what_holds_by_then(catalog: Catalog) -> None:
    day = Day(catalog)
    assert said(day.look("02:41")) == {"landing_missed": {FORECAST, WAITS}}
    assert said({"": text(day.message("landing_missed", "03:01"))}) == {"": {WAITS}}, "nobody has looked since the deadline"
    assert said(day.look("03:02")) == {"landing_missed": {WAITS}}
    day.lands("raw.orders", "03:05")
    assert said(day.look("03:06")) == {"landing_missed": {LATE}}
    held = replace(HELD, at=at("03:10"))
    assert said(day.look("03:11", evidence={"held_back": [held]})) == {"landing_missed": set(), "contract_failed": {FAILED}}
    assert "its run failed" in text(day.message("landing_missed", "03:11"))
    day.lands("core.order_lines", "03:20", coverage="0.94")
    assert said(day.look("03:21")) == {"data_partial": {PARTIAL}}
    day.lands("core.order_lines", "03:30", coverage="0.97")
    assert "core.order_lines 97.0%" in day.look("03:31")["data_partial"]
    day.lands("core.order_lines", "03:40")
    assert day.look("03:41") == {}


def test_what_takes_long_before_the_deadline_is_late_after_it(catalog: Catalog) -> None:
    day = Day(catalog, published=[*history(), *landed(YESTERDAY, {"raw.events", "core.user_days", "raw.orders"})])
    slow = {("core_shop", YESTERDAY): [{"task_id": "write", "since": at("00:10").isoformat(), "usual_minutes": 3}]}
    assert said(day.look("01:30", slow=slow)) == {"landing_missed": {"usually"}}
    assert "takes much longer than usual" in text(day.message("landing_missed", "01:30"))
    assert said(day.look("03:00")) == {"landing_missed": {LATE}}, "the task has ended by then"
    day.published += landed(YESTERDAY, TABLES, late=timedelta(hours=4))
    assert day.look("06:00") == {}


def test_a_resolved_incident_foretells_nothing() -> None:
    facts = {"phase": "at_risk", "deadline": at("03:00").isoformat(), "expected_at": at("04:00").isoformat(), "missing": ["x"]}
    over = Incident(7, "landing_missed", "core_shop", YESTERDAY, "resolved", None, at("03:00"), at("02:41"), facts=facts)
    told = text(compose(present(over, datetime(2026, 11, 20, 2, 45, tzinfo=UTC)), AROUND))
    assert FORECAST not in told
