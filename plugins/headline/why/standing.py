"""How one period of one table stands, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal

from headline.intervals import DAY, Interval, in_words

# From the worst to the best: of several that hold the first names the period.
State = Literal["missing", "late", "failed", "held back", "stale", "changed", "partial", "open", "waived", "restated", "complete"]
NOT_WELL: tuple[State, ...] = ("missing", "late", "failed", "held back", "stale")


@dataclass(frozen=True)
class Standing:
    """One period of a table or landing: its state, since when, why, and what to do next.

    `told`: what readers have of it. `reason`: one line, empty where the state says all. `steps`: a line each, the first to do
    first. `follows`: what it may follow from, the likeliest first: table and days.
    """

    table: str
    days: Interval
    state: State
    told: str
    reason: str = ""
    steps: Sequence[str] = ()
    follows: Sequence[tuple[str, Interval]] = ()

    @property
    def name(self) -> str:
        """The table with the period, as people write it."""
        return f"{self.table} {period_name(self.days)}"

    def waiting_for(self, upstream: Standing) -> Standing:
        """The same where an input is about to change."""
        reason = f"what it is computed from is not well: {upstream.name}, {upstream.state}"
        return replace(self, told=f"{self.told} It will change.", reason=reason)


def period_name(days: Interval) -> str:
    """A day as it is, a month as 2026-11, other days as their first and last."""
    first, last = days.start, days.end - DAY
    if days == Interval(first, first + DAY).widen("month"):
        return f"{first:%Y-%m}"
    return in_words(days) if first == last else f"{first} to {last}"


def minute(moment: datetime) -> str:
    """A moment to the minute, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
