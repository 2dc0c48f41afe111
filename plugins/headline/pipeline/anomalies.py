"""Anomaly checks: a figure is unusual or has insufficient history; a person can waive an unusual figure that is right."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from headline.intervals import DAY, Interval
from headline.ledger import CheckResult, Figure, Figures, Sample
from headline.ledger.figures import WAIVED, key_of
from headline.pipeline.run import PipelineRun
from headline.pipeline.samples import Select, rows
from headline.specs import Table
from headline.warehouse import Session

ANOMALY, OUTLIER, INSUFFICIENT_HISTORY = "anomaly", "outlier", "insufficient_history"
_CARRIED = "waived upstream in "
LIMIT = "3.5"  # of the score, as checks/anomaly.jinja has it
_SHOWN = 3


def of_outliers(select: Select) -> Select:
    """Those rows of an anomaly check's query that are an outlier; what has insufficient history is only counted."""
    return select.where(f"finding = '{OUTLIER}'")


def outliers(select: Select, session: Session) -> list[Sample]:
    """All of them."""
    return rows(of_outliers(select), session)


def accept(result: CheckResult, table: Table, run: PipelineRun) -> CheckResult:
    """The result with who waived which of its outliers, in this run or before, and why; `waived` where that is all of them.

    A waiver holds for the figure that somebody has seen: table, check, day and value. When the value moves, the waiver has
    expired and the check holds again. A run that waives without naming figures waives what the newest audits of other runs found
    in the days that it was asked for. An outlier of the same day that deviates the same way as a waived one of a table behind
    which this one stands needs no waiver of its own for as long as that one holds: it is the same sale, seen again. Nothing but
    an anomaly can be waived.
    """
    if result.kind != ANOMALY or result.outcome != "failed":
        return result
    upstream: list[str] = []
    if table.period == "day":
        upstream = [name for name in run.catalog.computed_from(table.full_name) if run.catalog.tables[name].period == "day"]
    found = Figures(run.ledger.conn_id).found([table.full_name, *upstream], but_of_run=run.key)
    known = [one for one in found if (one.table, one.check_path) == (table.full_name, result.path)]
    carried = [one for one in found if one.table in upstream and one.is_waived]
    named = _waived_by(run, known)
    judged = [
        _waived(Figure(table.full_name, result.path, result.name, one), run, named, known, carried) for one in result.sample
    ]
    all_waived = len(judged) == result.measured and not any(is_open(outlier) for outlier in judged)
    return replace(result, outcome="waived" if all_waived else "failed", sample=judged)


def is_open(outlier: Sample) -> bool:
    """Whether nobody has waived it."""
    return "accepted_because" not in outlier


def names_of_open(results: Sequence[CheckResult], table_name: str) -> list[str]:
    """The names of the outliers of all checks of a table that nobody has waived, as a waiver names them."""
    return [
        Figure(table_name, result.path, result.name, outlier).name
        for result in results
        if result.kind == ANOMALY and result.outcome == "failed"
        for outlier in result.sample
        if is_open(outlier)
    ]


def described(outliers: Sequence[Sample]) -> str:
    """The first of the outliers that nobody has waived, in words."""
    told = [in_words(outlier) for outlier in outliers if is_open(outlier)]
    return "; ".join(told[:_SHOWN] + ([f"and {len(told) - _SHOWN} more"] if len(told) > _SHOWN else []))


def in_words(outlier: Sample) -> str:
    """What a figure is, and what was expected of it."""
    return (
        f"{', '.join(str(value) for value in key_of(outlier).values())}: {_number(outlier['value'])}, "
        f"expected {_number(outlier['expected'])}{_allowed(outlier)}, "
        f"score {_number(outlier['score']) if outlier['score'] else 'none'} (limit {LIMIT})"
    )


def _waived_by(run: PipelineRun, known: Sequence[Figure]) -> Collection[str]:
    """The names of the figures that whoever triggered the run waives."""
    if run.waiver is None:
        return ()
    if run.waiver.figures:
        return run.waiver.figures
    return {one.name for one in known if one.lies_in(run.requested)}


def _waived(
    figure: Figure, run: PipelineRun, named: Collection[str], known: Sequence[Figure], carried: Sequence[Figure]
) -> Sample:
    outlier, value = figure.finding, figure.finding["value"]
    if run.waiver and figure.name in named:
        return _with_waiver(outlier, value, run.waiver.by, run.waiver.reason)
    for earlier in known:
        if earlier.is_waived and earlier.name == figure.name:
            return outlier | {name: earlier.finding[name] for name in WAIVED}
    for earlier in carried:
        if (earlier.day, earlier.is_high) == (figure.day, figure.is_high) and _is_still_there(earlier, run):
            reason = earlier.finding["accepted_because"] or ""
            because = reason if reason.startswith(_CARRIED) else f"{_CARRIED}{earlier.table}: {reason}"
            return _with_waiver(outlier, value, earlier.finding["accepted_by"], because)
    return outlier


def _is_still_there(waived: Figure, run: PipelineRun) -> bool:
    """Whether no other run has since published another content of its day, in which the figure was not found."""
    if waived.day is None:
        return False
    states = run.ledger.states([waived.table], Interval(waived.day, waived.day + DAY))
    return not any(state.run_id != waived.run_id and state.changed_at > waived.audited_at for state in states)


def _with_waiver(outlier: Sample, *said: str | None) -> Sample:
    return outlier | dict(zip(WAIVED, said, strict=True))


def _allowed(outlier: Sample) -> str:
    """How far a figure may be from the expected value; None for audits from before it was recorded."""
    return f" ± {_number(outlier['allowed'])}" if outlier.get("allowed") else ""


def _number(text: str | None) -> str:
    """For the eye: thousands apart, and no more digits than a small number needs."""
    number = float(text or 0)
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:,.4g}"
