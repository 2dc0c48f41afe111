"""One row of the ledger's issued figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from headline.intervals import Interval

# The key of a figure: its metric, its segment and the first day of its period.
FigureKey = tuple[str, str, date]
FIELDS = (
    *("pipeline", "metric", "definition_version", "segment", "start", "end", "value", "coverage", "status", "reason"),
    *("requester", "approver", "request_id", "run_id", "commit", "code_version", "contract_version", "inputs", "as_of"),
    "materiality",
)


@dataclass(frozen=True)
class FigureRow:
    """One row: the value of a metric, or of a segment of it, for a period.

    `value`: None where it is not defined. `inputs`: hash of the input periods; inputs up to version `as_of` are in it.
    `materiality`: how far it may move without approval, as metrics.yml had it then; None in rows from before it was recorded.
    """

    pipeline: str
    metric: str
    definition_version: str
    segment: str
    start: date
    end: date
    value: Decimal | None
    coverage: Decimal
    status: str
    reason: str
    run_id: str
    commit: str
    code_version: str
    contract_version: str
    inputs: str
    as_of: int
    materiality: str | None = None
    requester: str | None = None
    approver: str | None = None
    request_id: int | None = None
    recorded_at: datetime | None = None
    id: int = 0
    hash: str = ""

    @property
    def key(self) -> FigureKey:
        return self.metric, self.segment, self.start

    @property
    def interval(self) -> Interval:
        return Interval(self.start, self.end)

    @property
    def told(self) -> tuple[object, ...]:
        """What is new to a reader where it differs."""
        return self.value, self.coverage, self.definition_version

    def to_json(self) -> dict[str, Any]:
        """What can be recorded of it; every number as text, so that it stays exact."""
        return {name: value if value is None else str(value) for name, value in asdict(self).items() if name in FIELDS}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> FigureRow:
        """As `to_json` has written it."""
        found = {name: said[name] for name in FIELDS if name in said}
        found |= {name: date.fromisoformat(said[name]) for name in ("start", "end")}
        found |= {name: None if said[name] is None else Decimal(said[name]) for name in ("value", "coverage")}
        found |= {name: None if said[name] is None else int(said[name]) for name in ("request_id", "as_of")}
        return cls(**found)


# All that a row holds, as SQL lists it.
ALL = ", ".join(f'"{name}"' for name in FigureRow.__dataclass_fields__)
