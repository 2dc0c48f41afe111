"""In which phase an incident is, so that its text is made from what holds now and from nothing that held before."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from headline.ledger.incident import Incident

# What is known only before the deadline, and is wrong after it.
_FORECAST = ("expected_at", "at_it_since", "usual_minutes")


def present(incident: Incident, now: datetime) -> Incident:
    """The incident with the facts of its present phase, also where the watch has not looked since the phase has changed."""
    facts = incident.facts
    deadline = facts.get("deadline")
    if facts.get("phase") != "at_risk" or deadline is None:
        return incident
    kept = {name: value for name, value in facts.items() if name not in _FORECAST}
    if incident.state == "resolved":
        return replace(incident, facts=kept)
    return incident if now < datetime.fromisoformat(deadline) else replace(incident, facts=kept | {"phase": "missed"})
