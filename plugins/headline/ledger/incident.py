"""An incident: the finding, its state and its timeline."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

State = Literal["open", "acknowledged", "resolved"]
Key = tuple[str, str, date]  # pipeline, kind, day
UNRESOLVED = ("open", "acknowledged")


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, as whoever found it says: the same pipeline, kind and day is the same incident.

    `since`: when it became true. `facts`: JSON for the message; they replace those of an earlier finding, except
    that facts whose names begin with `adds` are kept, but those that it `drops`. `cause`: the finding that it follows from.
    """

    pipeline: str
    kind: str
    ds: date
    since: datetime
    facts: dict[str, Any] = field(default_factory=dict)
    cause: Key | None = None
    adds: str = ""
    drops: frozenset[str] = frozenset()

    @property
    def key(self) -> Key:
        return self.pipeline, self.kind, self.ds


@dataclass(frozen=True)
class Incident:
    """The current state of an incident."""

    id: int
    kind: str
    pipeline: str
    ds: date
    state: State
    cause_id: int | None
    since: datetime
    opened_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    resolved_at: datetime | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        return self.pipeline, self.kind, self.ds


@dataclass(frozen=True)
class Event:
    """One thing that happened to an incident."""

    incident_id: int
    at: datetime
    event: str
    person: str | None = None
    channel: str | None = None
    detail: str = ""


def joined(known: dict[str, Any], finding: Finding) -> dict[str, Any]:
    """What is known of an incident after a finding: facts of an earlier phase would contradict those of the present one."""
    is_kept = {name for name in known if finding.adds and name.startswith(finding.adds)} - finding.drops
    return {name: value for name, value in known.items() if name in is_kept} | finding.facts
