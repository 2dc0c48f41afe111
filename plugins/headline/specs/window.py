"""Which days of an input the days of a table depend on."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from headline.intervals import Interval
from headline.specs.values import Model

Days = Annotated[int, Field(ge=0)] | Literal["all"]


class Window(Model):
    """Which days of an input day t of the output depends on: [t - lookback_days, t + lookahead_days].

    `without_gaps`: of the days before, none may be missing since the first that was ever published. A day without rows is none.
    Days that a table of the same pipeline lacks are computed with the run.
    """

    lookback_days: Days = 0
    lookahead_days: Days = 0
    without_gaps: bool = False

    @model_validator(mode="before")
    @classmethod
    def _former_names(cls, said: Any) -> Any:
        """The keys were called `days_before` and `days_after` once; files that still say so are read."""
        former = {"days_before": "lookback_days", "days_after": "lookahead_days"}
        return {former.get(key, key): value for key, value in said.items()} if isinstance(said, dict) else said

    def reach(self, interval: Interval) -> Interval:
        """The days of an input that the days of an interval depend on."""
        return _extended(interval, self.lookback_days, self.lookahead_days)

    def touched_by(self, interval: Interval) -> Interval:
        """The days that depend on the days of an input's interval."""
        return _extended(interval, self.lookahead_days, self.lookback_days)


def widest(one: Window, other: Window) -> Window:
    """The window that holds both."""

    def most(a: Days, b: Days) -> Days:
        return "all" if "all" in (a, b) else max(a, b)

    return Window(
        lookback_days=most(one.lookback_days, other.lookback_days),
        lookahead_days=most(one.lookahead_days, other.lookahead_days),
        without_gaps=one.without_gaps or other.without_gaps,
    )


def _extended(interval: Interval, before: Days, after: Days) -> Interval:
    """The interval with so many days more on each side, as far as there are dates."""
    start = date.min if before == "all" else date.min + max(interval.start - date.min - timedelta(days=before), timedelta())
    end = date.max if after == "all" else date.max - max(date.max - interval.end - timedelta(days=after), timedelta())
    return Interval(start, end)
