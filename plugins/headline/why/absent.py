"""Why a period, or the newest content of one, is not there: it is held back, has failed, or was never published."""

from __future__ import annotations

from collections.abc import Iterator

from headline import settings
from headline.incidents.causes import DIRECT_CAUSES
from headline.incidents.first_step import trigger_command
from headline.incidents.judge import held_finding
from headline.intervals import DAY, Interval
from headline.ledger import lacking_in_words, missing_inputs
from headline.ledger.evidence import HeldBack
from headline.ledger.incident import Finding
from headline.paging.message import likely_cause
from headline.specs import Catalog, Pipeline, Window, reached
from headline.why.known import taken_by
from headline.why.period import ALWAYS_THERE, Period
from headline.why.standing import Standing, State, minute


def held_back(period: Period) -> Iterator[Standing]:
    """By an audit, or by what the watch and the tasks have told; what was computed since is over."""
    known, name, pipeline, days, state = period.known, period.table.full_name, period.pipeline, period.days, period.published
    held = [one for one in known.held_back(pipeline, days) if state is None or one.at > state.computed_at]
    for one in sorted(held, key=lambda one: one.table != name)[:1]:
        finding = held_finding(one, pipeline.id, max(days.start, one.intervals[0].start))
        whose = "" if one.table == name else f"{one.table} of the same pipeline: "
        what: State = "held back" if one.state == "failed" else "failed"
        reason = f"{whose}{_verdict(one)} (run {one.run_id}, {minute(one.at)})"
        yield period.stands(what, period.readers_have, reason, known.steps(finding))
        return
    for reading in known.held_readings:
        if reading.landing in period.table.reads and reading.ds in days:
            reason = f"{reading.landing}: a later reading is not loaded: {reading.found}; it is kept: {reading.file}"
            finding = Finding(pipeline.id, "source_shrunk", reading.ds, reading.held_at or known.now)
            yield period.stands("held back", period.readers_have, reason, known.steps(finding))
            return
    for incident in known.incidents:
        is_new = state is None or incident.since > state.computed_at
        if incident.pipeline == pipeline.id and incident.ds in days and incident.kind in DIRECT_CAUSES and is_new:
            reason = f"{likely_cause(incident.facts) or incident.kind} (incident {incident.id}, {incident.kind})"
            yield period.stands("failed", period.readers_have, reason, known.steps(incident))
            return


def _verdict(held: HeldBack) -> str:
    """The checks that hold it back: what each found, its limit, and a key."""
    told = [
        f"«{one['name']}» found {one['measured']}, {one['threshold']}" if one["measured"] else f"«{one['name']}»"
        for one in held.checks[:2]
    ]
    more = f" and {len(held.checks) - 2} more checks" if len(held.checks) > 2 else ""
    key = held.checks[0]["sample"][0] if held.checks and held.checks[0]["sample"] else {}
    such = ", such as " + ", ".join(f"{name}={value}" for name, value in key.items()) if key else ""
    word = "failed" if held.state == "failed" else "could not be evaluated"
    return f"{word}: {'; '.join(told)}{more}{such}" if told else word


def unpublished(period: Period) -> Iterator[Standing]:
    """It has not ended, its run is at work, its inputs are missing, or nobody has begun."""
    known, pipeline, days = period.known, period.pipeline, period.days
    ended = Interval(days.start, max(min(days.end, known.today), days.start + DAY))
    due = pipeline.due_at(ended.end - DAY)  # a week or month is published from its first day on
    is_late = known.now >= due and ended.end - DAY >= settings.load().start_date
    state: State = "late" if is_late else "missing"
    if days.start >= known.today:
        told = f"The day has not ended; it is due at {minute(due)}."
        yield period.stands("open", told, steps=["nothing: a day is published after it has ended"])
        return
    told = f"Nothing of it is published; it {'was' if is_late else 'is'} due at {minute(due)}."
    missing = missing_inputs(_inputs(pipeline), ended, known.ledger)
    if working := known.at_work(pipeline):
        again = f"wait for that run, then headline why {period.table.full_name} {days.start}"
        yield period.stands(state, told, working, [again])
    elif missing:
        follows = [(name, Interval(lacking[0], lacking[0] + DAY)) for name, lacking in missing.items()]
        steps = [trigger_command([*_upstream(pipeline, known.catalog), pipeline.id], ended)]
        yield period.stands(state, told, f"it waits for {lacking_in_words(missing)}", steps, follows)
    else:
        late = [one for one in known.incidents if (one.pipeline, one.kind) == (pipeline.id, "landing_missed") and one.ds in days]
        reason = "its inputs are published and no task failed; its run has not started, is paused or was not created"
        steps = [trigger_command([pipeline.id], ended), f"headline unpause {pipeline.id}, where it is paused"]
        yield period.stands(state, told, reason, [*steps, *map(taken_by, late[:1])])


def _inputs(pipeline: Pipeline) -> dict[str, Window]:
    without = {ALWAYS_THERE, *settings.load().without}
    return {name: window for name, window in pipeline.inputs.items() if name not in without}


def _upstream(pipeline: Pipeline, catalog: Catalog) -> list[str]:
    above = set(reached(pipeline.id, catalog.inputs_of))
    return [one.id for one in catalog.in_order() if one.id in above]
