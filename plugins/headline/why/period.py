"""One period of one table that is asked about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from headline.incidents.first_step import trigger_command
from headline.intervals import Interval
from headline.ledger import PeriodState
from headline.specs import Pipeline, Table
from headline.why.known import Known
from headline.why.standing import Standing, State, minute

ALWAYS_THERE = "calendar.days"


@dataclass(frozen=True)
class Period:
    """`published`: its state in the ledger; None where nothing of it is published."""

    known: Known
    pipeline: Pipeline
    table: Table
    days: Interval
    published: PeriodState | None

    @property
    def trigger(self) -> str:
        """The command that computes it."""
        return trigger_command([self.pipeline.id], self.days)

    @property
    def readers_have(self) -> str:
        """What readers have of it, in a sentence."""
        if self.published is None:
            return "Nothing of it is published."
        return f"Readers have what was computed on {minute(self.published.computed_at)} ({self.published.row_count:,} rows)."

    def stands(
        self,
        state: State,
        told: str,
        reason: str = "",
        steps: Sequence[str] = (),
        follows: Sequence[tuple[str, Interval]] = (),
    ) -> Standing:
        """It stands so: as Standing."""
        return Standing(self.table.full_name, self.days, state, told, reason, steps, follows)
