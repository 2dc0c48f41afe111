"""How a published period stands: in doubt, stale, partial, open, waived, restated, or complete."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from headline import settings
from headline.intervals import DAY, Interval
from headline.ledger import (
    IN_DOUBT,
    Change,
    Figures,
    PeriodState,
    has_not_ended,
    made_by_earlier_code,
    partial_days,
    stale_states,
)
from headline.ledger.incident import Finding
from headline.why.period import ALWAYS_THERE, Period
from headline.why.quarantined import quarantined
from headline.why.standing import Standing, minute, period_name


def published(period: Period, state: PeriodState) -> Iterator[Standing]:
    """All that is true of it, from the worst to the best; `complete` always is the last."""
    days = period.days
    if state.fingerprint == IN_DOUBT:
        reason = "a run died while it published it, or `headline verify` found it changed; the next run replaces it"
        yield period.stands("stale", period.readers_have, reason, [period.trigger])
    yield from _stale(period, state)
    yield from _partial(period, state)
    if has_not_ended(days):
        there = (min(state.interval.end, period.known.today) - days.start).days
        told = f"It has not ended; {there} of its {len(days)} days can be in it, and each day's run adds one."
        yield period.stands("open", told, steps=[f"nothing: it closes after {days.end - DAY}"])
    yield from _waived(period)
    yield from _restated(period)
    told, steps = f"Since {minute(state.changed_at)}, {state.row_count:,} rows, by the run {state.run_id}.", ["nothing"]
    earlier = made_by_earlier_code([period.table], period.known.ledger).get(period.table.full_name, ())
    if any(one.overlaps(days) for one in earlier):
        told += " An earlier version of its SQL or contract made it."
        steps = [period.trigger]
    yield period.stands("complete", told, steps=steps)


def _stale(period: Period, state: PeriodState) -> Iterator[Standing]:
    known, days = period.known, period.days
    reads = period.pipeline.reads_by_table(period.table)
    if not stale_states(period.table, reads, known.ledger, days):
        return
    newest = _nearest(known.ledger.changes(reads, days, known.changes.seen(period.table.full_name, days)), days)
    told = f"Readers have it as of {minute(state.computed_at)}; {_which(newest)} changed after that."
    reason, steps = known.at_work(period.pipeline), [period.trigger]
    if not reason and (known.today - days.end).days <= settings.load().restatement_days:
        steps.append("wait, the pipeline's next run computes it too")
    elif not reason:
        reason = "it lies before the restatement window (HEADLINE_RESTATEMENT_DAYS): no scheduled run computes it"
    yield period.stands("stale", told, reason, steps)


def _nearest(changes: Sequence[Change], days: Interval) -> Change | None:
    """Of changes the newest that touches the days themselves, else the newest."""
    return max(changes, key=lambda one: (one.interval.overlaps(days), one.version), default=None)


def _which(change: Change | None) -> str:
    if change is None:
        return "an input"
    return change.table if change.interval.start == date.min else f"{change.table} {period_name(change.interval)}"


def _partial(period: Period, state: PeriodState) -> Iterator[Standing]:
    known, pipeline, days = period.known, period.pipeline, period.days
    states = known.ledger.states([one.full_name for one in pipeline.ordered_tables], days)
    lacking = [day for day in partial_days(pipeline, states).get(period.table.full_name, []) if day in days]
    if (not state.is_partial and not lacking) or has_not_ended(days):
        return
    if state.is_partial and state.coverage == 1:
        reason = "it was published before it had ended, and no run has computed it since"
        yield period.stands("partial", period.readers_have, reason, [period.trigger])
        return
    share = min(one.coverage for one in states if one.is_partial)
    told = f"{period.readers_have} Coverage {share:.2%}."
    follows = [
        (name, days)
        for name in dict.fromkeys(read for one in pipeline.ordered_tables for read in pipeline.external_reads(one))
        if name != ALWAYS_THERE and not name.startswith("landing.") and name not in settings.load().without
    ]
    steps = known.steps(Finding(pipeline.id, "data_partial", days.start, state.changed_at))
    reason, query = quarantined(pipeline, days, known.warehouse) if known.warehouse else ("", [])
    yield period.stands("partial", told, reason, [*query, *steps], follows)


def _waived(period: Period) -> Iterator[Standing]:
    figures = Figures(period.known.ledger.conn_id).found([period.table.full_name])
    waived = [one for one in figures if one.is_waived and one.lies_in(period.days)]
    for figure in waived[-1:]:
        more = f" and {len(waived) - 1} more" if len(waived) > 1 else ""
        by, why = (figure.finding.get(name) for name in ("accepted_by", "accepted_because"))
        reason = f"{by} waived «{figure.check_name}»{more}: {why}"
        told = f"Published with {len(waived)} unusual figure(s) that somebody waived, such as {figure.name}."
        yield period.stands("waived", told, reason, ["nothing; the waiver ends when the figure changes"])


def _restated(period: Period) -> Iterator[Standing]:
    """Published again with another content after it was whole; what is replaced as a whole is so with every change."""
    publications = period.known.observations.publications(period.table.full_name, period.days)
    history = [one for one in publications if one.status != "open"]
    if len(history) < 2 or period.table.period_column is None:
        return
    first, last, times = history[0], history[-1], len(history) - 1
    told = f"Published on {minute(first.published_at)}, restated {times} time{'s' if times > 1 else ''}, last on "
    told += f"{minute(last.published_at)} by the run {last.run_id}."
    yield period.stands("restated", told, steps=["nothing: its checks have passed"])
