"""Figures as investors read them: rounded for the eye, the exact values stay in the ledger."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from headline.specs.metrics import Unit

NOT_ISSUED = "–"
Verdict = Literal["good", "bad", ""]
_ONE, _TENTH, _CENT = Decimal(1), Decimal("0.1"), Decimal("0.01")


def figure(value: Decimal | None, unit: Unit) -> str:
    """A value in its unit: 1,234.50 of money, 41.3 % of a share, 1.52 of a ratio, 1,234 of what is counted."""
    if value is None:
        return "not defined"
    if unit == "share":
        return f"{_rounded(value * 100, _TENTH)} %"
    if unit in ("reporting_currency", "ratio"):
        return _rounded(value, _CENT)
    return _rounded(value, _ONE if value == value.to_integral_value() else _TENTH)


def change(before: Decimal | None, now: Decimal | None, unit: Unit) -> str:
    """How a value has changed: in percent, shares in percentage points, ratios as they are; empty where either is not known.

    From nothing or less to anything no percentage says much: there it is the difference.
    """
    if before is None or now is None:
        return ""
    if unit == "share":
        return f"{_rounded((now - before) * 100, _TENTH, signed=True)} pp"
    if unit == "ratio" or before <= 0:
        return _rounded(now - before, _CENT if unit in ("ratio", "reporting_currency") else _ONE, signed=True)
    return f"{_rounded((now - before) / before * 100, _TENTH, signed=True)} %"


def difference(before: Decimal | None, now: Decimal | None, unit: Unit) -> str:
    """New less old, in the unit of the metric."""
    if before is None or now is None:
        return ""
    if unit == "share":
        return f"{_rounded((now - before) * 100, _CENT, signed=True)} pp"
    return _rounded(now - before, _CENT if unit in ("ratio", "reporting_currency") else _ONE, signed=True)


def verdict(before: Decimal | None, now: Decimal | None, direction: str) -> Verdict:
    """Whether a change is good, by the direction that is good for the metric."""
    if before is None or now is None or before == now or direction == "none":
        return ""
    return "good" if (now > before) == (direction == "up") else "bad"


def share(value: Decimal) -> str:
    """A coverage: 100 %, or 99.62 %, never rounded up to all of it."""
    return "100 %" if value >= 1 else f"{min(Decimal('99.99'), (value * 100).quantize(_CENT, ROUND_HALF_UP))} %"


def _rounded(value: Decimal, to: Decimal, *, signed: bool = False) -> str:
    rounded = value.quantize(to, ROUND_HALF_UP)
    if not rounded:
        return f"{abs(rounded):,f}" if not signed else f"±{abs(rounded):,f}"
    sign = "−" if rounded < 0 else "+" if signed else ""
    return f"{sign}{abs(rounded):,f}"
