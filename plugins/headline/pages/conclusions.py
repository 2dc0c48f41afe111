"""What may be concluded from a row of a readout, in one sentence, and its intervals as a picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Any

from headline.figures.text import number

# Beyond it GrowthBook warns of users that were shown several variants.
MOST_CONTAMINATED = Decimal("0.01")
LEVELS = {"higher": "good", "lower": "good", "undecided": "waiting", "too_few_users": "waiting", "sample_ratio_mismatch": "bad"}
IN_A_WORD = {
    "higher": "Higher",
    "lower": "Lower",
    "undecided": "Undecided",
    "too_few_users": "Too early",
    "sample_ratio_mismatch": "Not valid",
}
WIDTH = 320
MARGIN = 8
_SHARES = ("_share", "_margin")


@dataclass(frozen=True)
class Picture:
    """Where the parts of an interval's picture lie on a line of WIDTH: 0, the lift, the one and the other interval."""

    zero: float
    lift: float
    low: float
    high: float
    always_valid_low: float
    always_valid_high: float


@dataclass(frozen=True)
class Conclusion:
    """One variant and metric on one day: a row of profit.experiment_readout or growth.experiment_readout."""

    row: Mapping[str, Any]

    def __getattr__(self, name: str) -> Any:
        try:
            return self.row[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def metric(self) -> str:
        return str(self.metric_name).replace("_", " ").capitalize()

    @property
    def level(self) -> str:
        return LEVELS[self.conclusion_type]

    @property
    def word(self) -> str:
        return IN_A_WORD[self.conclusion_type]

    @property
    def sentence(self) -> str:
        """What may be concluded about the metric."""
        if self.conclusion_type == "sample_ratio_mismatch":
            return "Not valid: sample ratio mismatch. The users are not split as planned, so that no lift says anything."
        if self.conclusion_type == "too_few_users":
            return f"Too early: {min(self.exposed_users, self.control_users):,} users of {self.minimum_users:,} in each variant."
        if self.cuped_absolute_lift is None or self.cuped_absolute_lift_always_valid_low is None:
            return f"{self.metric} cannot be compared: nothing to divide by in {self.variant} or {self.control_variant}."
        lift = f"{self.shown(self.cuped_absolute_lift)} ({self.interval}), always-valid 95 %"
        if self.conclusion_type == "undecided":
            return f"{self.metric} may be the same in {self.variant} and {self.control_variant}: {lift}."
        return f"{self.metric} is {self.conclusion_type} in {self.variant} than in {self.control_variant}: {lift}."

    @property
    def interval(self) -> str:
        """The always-valid interval after CUPED."""
        low, high = self.cuped_absolute_lift_always_valid_low, self.cuped_absolute_lift_always_valid_high
        return f"{self.shown(low)} to {self.shown(high)}"

    @property
    def relative(self) -> str:
        """The lift as a share of the control, where that is far enough from 0."""
        lift = self.cuped_relative_lift
        return "" if lift is None else f"{number(round(lift * 100, 1), signed=True)} %"

    def shown(self, value: Decimal | None, *, signed: bool = True) -> str:
        """A value with the digits that mean something; a share in percent."""
        if value is None:
            return "not known"
        if str(self.metric_name).endswith(_SHARES):
            return f"{number(round(value * 100, 2), signed=signed)} %"
        places = 2 if abs(value) >= 1 else 4
        return number(round(value, places), signed=signed)

    @property
    def caveats(self) -> list[str]:
        """What limits the conclusion, besides chance."""
        found = []
        if self.contaminated_share is not None and self.contaminated_share > MOST_CONTAMINATED:
            found.append(f"{self.contaminated_share:.1%} of the users were shown two variants; they count in none")
        if self.is_partial:
            found.append(f"days are partial: coverage {self.coverage:.1%}")
        if self.is_provisional:
            found.append("refunds may still arrive: the window of 30 days is open")
        return found

    @cached_property
    def picture(self) -> Picture | None:
        """The intervals after CUPED; None where there are none."""
        names = ("", "_low", "_high", "_always_valid_low", "_always_valid_high")
        values = [self.row[f"cuped_absolute_lift{name}"] for name in names]
        if None in values:
            return None
        ends = [float(value) for value in values]
        least, most = min(0.0, *ends), max(0.0, *ends)
        scale = (WIDTH - 2 * MARGIN) / ((most - least) or 1)
        return Picture(*(round(MARGIN + (value - least) * scale, 1) for value in (0.0, *ends)))
