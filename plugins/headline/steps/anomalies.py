"""Checks of kind anomaly: a figure is unusual, or it cannot be told yet; and an unusual one may be right, as a person can say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal

from headline.intervals import Interval
from headline.ledger import CheckResult, Sample
from headline.specs import Table
from headline.steps.run import Acceptance, PipelineRun
from headline.steps.samples import Select, rows
from headline.warehouse import Session

ANOMALY, OUTLIER, LEARNING = "anomaly", "outlier", "learning"
# What a finding says besides the key of its figure (checks/anomaly.jinja), and, once it is accepted, by whom and why.
_SAYS = ("value", "expected", "score", "finding")
_ACCEPTED = ("accepted_value", "accepted_by", "accepted_because")
_CARRIED = "accepted upstream in "
# Rows that come late move a figure a little: so near to what was accepted it is the same figure.
_SAME = Decimal("0.05")
_SHOWN = 3
_PERIODS = ("ds", "week", "month")  # the column of a figure's period


def outliers(select: Select, session: Session) -> list[Sample]:
    """Those rows of an anomaly check's query that are an outlier; what is still learning is only counted."""
    return rows(select.where(f"finding = '{OUTLIER}'"), session)


def accept(result: CheckResult, table: Table, run: PipelineRun) -> CheckResult:
    """The result with who accepted which of its outliers, in this run or before, and why; `accepted` where that is all of them.

    Whoever accepts speaks of the days that the run was asked for; a stale day that it computes besides is held as ever.
    An outlier that was accepted before is not asked about again while its figure stays within 5 % of what it was then. Nor is
    one of a day for which a figure of a table that this one is computed from was accepted: it is the same sale, seen again.
    Nothing but an anomaly can be accepted.
    """
    if result.kind != ANOMALY or result.outcome != "failed":
        return result
    known = run.ledger.accepted([table.full_name], result.path)
    carried: list[tuple[str, Sample]] = []
    if table.period == "day":
        upstream = [name for name in run.catalog.computed_from(table.full_name) if run.catalog.tables[name].period == "day"]
        carried = run.ledger.accepted(upstream)
    asked_for = run.requested if table.period == "all" else run.requested.widen(table.period)
    found = [
        _accepted(outlier, run.acceptance if _lies_in(asked_for, outlier) else None, known, carried) for outlier in result.sample
    ]
    all_accepted = len(found) == result.measured and not any(is_open(outlier) for outlier in found)
    return replace(result, outcome="accepted" if all_accepted else "failed", sample=found)


def is_open(outlier: Sample) -> bool:
    """Whether nobody has accepted it."""
    return "accepted_because" not in outlier


def described(outliers: Sequence[Sample]) -> str:
    """The first of the outliers that nobody has accepted, in words."""
    told = [
        f"{', '.join(str(value) for value in _key(outlier).values())}: {_number(outlier['value'])}, "
        f"expected {_number(outlier['expected'])}, score {_number(outlier['score']) if outlier['score'] else 'none'}"
        for outlier in outliers
        if is_open(outlier)
    ]
    return "; ".join(told[:_SHOWN] + ([f"and {len(told) - _SHOWN} more"] if len(told) > _SHOWN else []))


def _accepted(
    outlier: Sample,
    acceptance: Acceptance | None,
    known: Sequence[tuple[str, Sample]],
    carried: Sequence[tuple[str, Sample]],
) -> Sample:
    if acceptance:
        said = (outlier["value"], acceptance.by, acceptance.reason)
        return outlier | dict(zip(_ACCEPTED, said, strict=True))
    for _, earlier in known:
        if _key(earlier) == _key(outlier) and _is_near(outlier["value"], earlier["accepted_value"]):
            return outlier | {name: earlier[name] for name in _ACCEPTED}
    for name, earlier in carried:
        if "ds" in outlier and earlier.get("ds") == outlier["ds"]:
            reason = earlier["accepted_because"] or ""
            because = reason if reason.startswith(_CARRIED) else f"{_CARRIED}{name}: {reason}"
            return outlier | dict(zip(_ACCEPTED, (outlier["value"], earlier["accepted_by"], because), strict=True))
    return outlier


def _lies_in(days: Interval, outlier: Sample) -> bool:
    """Whether the period of a figure begins in these days; a figure without a period belongs to all of them."""
    begins = next((outlier[name] for name in _PERIODS if name in outlier), None)
    return begins is None or days.start <= date.fromisoformat(begins) < days.end


def _key(finding: Sample) -> Sample:
    return {name: value for name, value in finding.items() if name not in (*_SAYS, *_ACCEPTED)}


def _is_near(value: str | None, accepted: str | None) -> bool:
    now, then = Decimal(value or 0), Decimal(accepted or 0)
    return abs(now - then) <= _SAME * abs(then)


def _number(text: str | None) -> str:
    """For the eye: thousands apart, and no more digits than a small number needs."""
    number = float(text or 0)
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:,.4g}"
