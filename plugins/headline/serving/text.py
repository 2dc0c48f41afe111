"""Values of metrics as people read them: with their unit, and compared with one another."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from headline import settings
from headline.intervals import DAY, Period
from headline.serving.series import Point
from headline.specs.metrics import Metric, Unit

PLACES = {"reporting_currency": 2, "ratio": 2, "minutes": 1}
Verdict = Literal["good", "bad", ""]


@dataclass(frozen=True)
class Change:
    """How a value differs from an earlier one. `arrow`: up, down or the same; `verdict`: by the metric's direction, none where
    one of the two is not final."""

    text: str
    arrow: str
    verdict: Verdict
    is_rough: bool = False

    @property
    def judged(self) -> str:
        """The verdict in a word, for those who see no colours."""
        return "one is not complete" if self.is_rough else {"good": "better", "bad": "worse", "": ""}[self.verdict]


def unit_of(metric: Metric) -> str:
    """The unit as people write it; empty for a share, whose values have their sign."""
    if metric.unit == "reporting_currency":
        return settings.load().reporting_currency
    return "" if metric.unit == "share" else metric.unit


def told(value: Decimal | None, unit: Unit) -> str:
    """A value grouped and rounded, a share in per cent; without the name of its unit."""
    if value is None:
        return "no value"
    if unit == "share":
        return f"{value * 100:,.1f} %"
    return f"{value:,.{PLACES.get(unit, 0)}f}".replace("-", "−")


def title(metric: Metric) -> str:
    """Its name as a heading: Daily net revenue."""
    return metric.name.replace("_", " ").capitalize()


def period(start: date, end: date, grain: Period) -> str:
    """A period in words: a day, the first and last day of a week, a month."""
    if grain == "day":
        return f"{start:%a} {start}"
    return f"{start:%B %Y}" if grain == "month" else f"{start} to {end - DAY}"


def change(metric: Metric, now: Point | None, before: Point | None) -> Change | None:
    """From one period to another: relative, of a share in percentage points; None where there is nothing to compare with."""
    if now is None or before is None or now.value is None or before.value is None:
        return None
    difference = now.value - before.value
    if metric.unit == "share":
        text = f"{difference * 100:+,.1f} points"
    elif before.value == 0:
        return None
    else:
        text = f"{difference / abs(before.value) * 100:+,.1f} %"
    arrow = "▲" if difference > 0 else "▼" if difference < 0 else "="
    is_rough = now.status != "complete" or before.status != "complete"
    is_better = (difference > 0) == (metric.direction == "up")
    verdict: Verdict = "" if is_rough or metric.direction == "none" or not difference else "good" if is_better else "bad"
    return Change(text.replace("-", "−"), arrow, verdict, is_rough)
