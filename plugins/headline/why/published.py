"""How a period of a table that a pipeline makes stands by itself, and which of its inputs it waits for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from headline import settings
from headline.errors import HeadlineError
from headline.incidents.causes import DIRECT_CAUSES
from headline.incidents.first_step import first_step, trigger_command
from headline.incidents.judge import held_finding
from headline.intervals import DAY, Interval, business_day
from headline.ledger import (
    IN_DOUBT,
    Change,
    Figures,
    HeldDay,
    HeldDays,
    Ledger,
    PeriodState,
    has_not_ended,
    lacking_in_words,
    made_by_earlier_code,
    missing_inputs,
    partial_days,
    stale_states,
)
from headline.ledger.evidence import HeldBack, Observations
from headline.ledger.incidents import Finding, Incident, Incidents
from headline.maintenance.rebuild import in_order
from headline.paging.message import likely_cause
from headline.specs import Catalog, Pipeline, Table, Window, load_contract, reached
from headline.why.changes import Changes
from headline.why.standing import Standing, State, minute, period_name

if TYPE_CHECKING:
    from headline.warehouse import Warehouse

ALWAYS_THERE = "calendar.days"


class Tables:
    """Reads how periods stand; what all questions share is read once."""

    def __init__(self, catalog: Catalog, ledger: Ledger, now: datetime, warehouse: Warehouse | None = None) -> None:
        self._catalog = catalog
        self._ledger = ledger
        self._observations = Observations(ledger.conn_id)
        self._changes = Changes(catalog, ledger)
        self._now = now
        self._warehouse = warehouse
        self._today = business_day(now, settings.load().reporting_zone)

    def standing(self, name: str, days: Interval) -> Standing:
        """How one whole period of a table stands."""
        pipeline = self._catalog.makers[name]
        table = pipeline.outputs[name]
        states = self._ledger.states([table.full_name], days)
        state = states[-1] if states else None
        found = [
            *self._refused(pipeline, table, days, state),
            *self._unpublished(pipeline, table, days, state),
            *(self._published(pipeline, table, days, state) if state else ()),
        ]
        also = [one.state for one in found[1:] if one.state not in (found[0].state, "complete")]
        return replace(found[0], told=f"{found[0].told} Also {' and '.join(also)}.") if also else found[0]

    def troubled(self, table: Table, days: Interval) -> Interval | None:
        """The first period of a table within some days that is stale or held back by an audit; None where none is."""
        pipeline = self._catalog.makers[table.full_name]
        for held in self._held(pipeline, days):
            for one in held.intervals:
                if one.overlaps(days):
                    return Interval(max(one.start, days.start), max(one.start, days.start) + DAY).widen(table.period)
        for reading in self._held_readings:
            if reading.landing in table.reads and reading.ds in days:
                return Interval(reading.ds, reading.ds + DAY).widen(table.period)
        stale = stale_states(table, pipeline.reads_by_table(table), self._ledger, days)
        return stale[0].interval if stale else None

    def waiting_for(self, own: Standing, upstream: Standing) -> Standing:
        """The standing of a period whose inputs are about to change."""
        reason = f"what it is computed from is not well: {upstream.name}, {upstream.state}"
        return replace(own, told=f"{own.told} It will change.", reason=reason)

    # what holds a period back

    def _refused(self, pipeline: Pipeline, table: Table, days: Interval, state: PeriodState | None) -> Iterator[Standing]:
        """By an audit, or by what the watch and the tasks have told; what was computed since is over."""
        told = _readers_have(state)
        held = [one for one in self._held(pipeline, days) if state is None or one.at > state.computed_at]
        for one in sorted(held, key=lambda one: one.table != table.full_name)[:1]:
            incident = self._incident(held_finding(one, pipeline.id, max(days.start, one.intervals[0].start)))
            whose = "" if one.table == table.full_name else f"{one.table} of the same pipeline: "
            what: State = "held back" if one.state == "failed" else "failed"
            reason = f"{whose}{_verdict(one)} (run {one.run_id}, {minute(one.at)})"
            yield Standing(table.full_name, days, what, told, reason, self._steps(incident))
            return
        for reading in self._held_readings:
            if reading.landing in table.reads and reading.ds in days:
                reason = f"{reading.landing}: a later reading is not loaded: {reading.found}; it is kept: {reading.file}"
                incident = self._incident(Finding(pipeline.id, "source_shrunk", reading.ds, reading.held_at or self._now))
                yield Standing(table.full_name, days, "held back", told, reason, self._steps(incident))
                return
        for incident in self._incidents:
            is_new = state is None or incident.since > state.computed_at
            if incident.pipeline == pipeline.id and incident.ds in days and incident.kind in DIRECT_CAUSES and is_new:
                reason = f"{likely_cause(incident.facts) or incident.kind} (incident {incident.id}, {incident.kind})"
                yield Standing(table.full_name, days, "failed", told, reason, self._steps(incident))
                return

    def _held(self, pipeline: Pipeline, days: Interval) -> list[HeldBack]:
        names = [table.full_name for table in pipeline.ordered_tables]
        return self._observations.held_back(names, days)

    def _incident(self, finding: Finding) -> Incident:
        """The open incident of a finding, or what it would be."""
        for incident in self._incidents:
            if (incident.pipeline, incident.kind) == (finding.pipeline, finding.kind) and incident.ds == finding.ds:
                return incident
        return Incident(
            0, finding.kind, finding.pipeline, finding.ds, "open", None, finding.since, self._now, facts=finding.facts
        )

    def _steps(self, incident: Incident) -> list[str]:
        steps = first_step(incident, self._catalog.sources_of(incident.pipeline)).splitlines()
        return [*steps, *([_taken(incident)] if incident.id else ())]

    # what is not there

    def _unpublished(self, pipeline: Pipeline, table: Table, days: Interval, state: PeriodState | None) -> Iterator[Standing]:
        if state:
            return
        ended = Interval(days.start, max(min(days.end, self._today), days.start + DAY))
        due = pipeline.due_at(ended.end - DAY)  # a week or month is published from its first day on
        is_late = self._now >= due and ended.end - DAY >= settings.load().start_date
        known: State = "late" if is_late else "missing"
        if days.start >= self._today:
            told = f"The day has not ended; it is due at {minute(due)}."
            yield Standing(table.full_name, days, "open", told, steps=["nothing: a day is published after it has ended"])
            return
        told = f"Nothing of it is published; it {'was' if is_late else 'is'} due at {minute(due)}."
        missing = missing_inputs(self._inputs(pipeline), ended, self._ledger)
        late = [one for one in self._incidents if (one.pipeline, one.kind) == (pipeline.id, "landing_missed") and one.ds in days]
        taken = [_taken(one) for one in late[:1]]
        if working := self._at_work(pipeline):
            yield Standing(table.full_name, days, known, told, working, [f"wait for that run, {_again(days, table)}"])
        elif missing:
            follows = [(name, Interval(lacking[0], lacking[0] + DAY)) for name, lacking in missing.items()]
            steps = [trigger_command([*self._upstream(pipeline), pipeline.id], ended)]
            yield Standing(table.full_name, days, known, told, f"it waits for {lacking_in_words(missing)}", steps, follows)
        else:
            reason = "its inputs are there and nothing has failed: its run has not begun, is paused, or was never made"
            steps = [trigger_command([pipeline.id], ended), f"headline unpause {pipeline.id}, where it is paused", *taken]
            yield Standing(table.full_name, days, known, told, reason, steps)

    def _inputs(self, pipeline: Pipeline) -> dict[str, Window]:
        without = {ALWAYS_THERE, *settings.load().without}
        return {name: window for name, window in pipeline.inputs.items() if name not in without}

    def _upstream(self, pipeline: Pipeline) -> list[str]:
        above = set(reached(pipeline.id, self._catalog.inputs_of))
        return [one.id for one in in_order(self._catalog) if one.id in above]

    def _at_work(self, pipeline: Pipeline) -> str:
        runs = [(run, since) for who, run, since in self._runs if who == pipeline.id]
        if not runs:
            return ""
        run, since = runs[0]
        return f"the run {run} is at work" + (f" since {minute(since)}" if since else "")

    # what is published

    def _published(self, pipeline: Pipeline, table: Table, days: Interval, state: PeriodState) -> Iterator[Standing]:
        yield from self._doubted(pipeline, table, days, state)
        yield from self._stale(pipeline, table, days, state)
        yield from self._partial(pipeline, table, days, state)
        if has_not_ended(days):
            there = (min(state.interval.end, self._today) - days.start).days
            told = f"It has not ended; {there} of its {len(days)} days can be in it, and each day's run adds one."
            yield Standing(table.full_name, days, "open", told, steps=[f"nothing: it closes after {days.end - DAY}"])
        yield from self._waived(table, days)
        yield from self._restated(table, days)
        told, steps = f"Since {minute(state.changed_at)}, {state.row_count:,} rows, by the run {state.run_id}.", ["nothing"]
        earlier = made_by_earlier_code([table], self._ledger).get(table.full_name, ())
        if any(one.overlaps(days) for one in earlier):
            told += " An earlier version of its SQL or contract made it."
            steps = [trigger_command([pipeline.id], days)]
        yield Standing(table.full_name, days, "complete", told, steps=steps)

    def _doubted(self, pipeline: Pipeline, table: Table, days: Interval, state: PeriodState) -> Iterator[Standing]:
        if state.fingerprint == IN_DOUBT:
            reason = "a run died while it published it, or `headline verify` found it changed; the next run replaces it"
            yield Standing(table.full_name, days, "stale", _readers_have(state), reason, [trigger_command([pipeline.id], days)])

    def _stale(self, pipeline: Pipeline, table: Table, days: Interval, state: PeriodState) -> Iterator[Standing]:
        reads = pipeline.reads_by_table(table)
        if not stale_states(table, reads, self._ledger, days):
            return
        newest = _nearest(self._ledger.changes(reads, days, self._changes.seen(table.full_name, days)), days)
        told = f"Readers have it as of {minute(state.computed_at)}; {_which(newest)} changed after that."
        reason, steps = self._at_work(pipeline), [trigger_command([pipeline.id], days)]
        if not reason and self._rides_along(days):
            steps.append("wait, the pipeline's next run computes it too")
        elif not reason:
            reason = "it lies before the restatement window (HEADLINE_RESTATEMENT_DAYS): no scheduled run computes it"
        yield Standing(table.full_name, days, "stale", told, reason, steps)

    def _rides_along(self, days: Interval) -> bool:
        return (self._today - days.end).days <= settings.load().restatement_days

    def _partial(self, pipeline: Pipeline, table: Table, days: Interval, state: PeriodState) -> Iterator[Standing]:
        names = [one.full_name for one in pipeline.ordered_tables]
        states = self._ledger.states(names, days)
        lacking = [day for day in partial_days(pipeline, states).get(table.full_name, []) if day in days]
        if (not state.is_partial and not lacking) or has_not_ended(days):
            return
        if state.is_partial and state.coverage == 1:
            reason = "it was published before it had ended, and no run has computed it since"
            yield Standing(table.full_name, days, "partial", _readers_have(state), reason, [trigger_command([pipeline.id], days)])
            return
        share = min(one.coverage for one in states if one.is_partial)
        told = f"{_readers_have(state)} Coverage {share:.2%}."
        follows = [
            (name, days)
            for name in dict.fromkeys(read for one in pipeline.ordered_tables for read in pipeline.external_reads(one))
            if name != ALWAYS_THERE and not name.startswith("landing.") and name not in settings.load().without
        ]
        finding = Finding(pipeline.id, "data_partial", days.start, state.changed_at)
        steps = self._steps(self._incident(finding))
        reason, query = self._quarantined(pipeline, days)
        yield Standing(table.full_name, days, "partial", told, reason, [*query, *steps], follows)

    def _quarantined(self, pipeline: Pipeline, days: Interval) -> tuple[str, list[str]]:
        """What a pipeline has quarantined of some days: in words, and the query that shows it."""
        found = []
        for table in pipeline.ordered_tables:
            if table.quarantine and table.period == "day" and self._warehouse:
                found += self._quarantined_of(table, days)
        if not found:
            return "", []
        largest = max(found)[1]
        condition = f"ds >= date '{days.start}' and ds < date '{days.end}'"
        told = "; ".join(text for _, _, text in sorted(found, reverse=True)[:3])
        return told, [f'headline query "select * from {largest} where {condition}"']

    def _quarantined_of(self, table: Table, days: Interval) -> list[tuple[int, str, str]]:
        """Rows by reason of one table: how many, the quarantine, and in words with their money."""
        contract = load_contract(table)
        money = [
            column.name
            for column in contract.columns
            if column.numeric_scale == 4 and column.name not in (*contract.not_additive, *table.key)
        ][:2]
        sums = "".join(f", sum({name}) as {name}" for name in money)
        sql = (
            f"select quarantine_reason, count(*) as row_count{sums} from {table.quarantine_name} "
            f"where ds >= date '{days.start}' and ds < date '{days.end}' group by quarantine_reason"
        )
        rows: Sequence[tuple[object, ...]] = []
        # What the ledger tells is worth telling where the warehouse is out of reach.
        with suppress(HeadlineError), self._warehouse.session(read_only=True) as session:  # type: ignore[union-attr]
            rows = session.query(sql).rows
        found = []
        for reason, count, *amounts in rows:
            told = "".join(f", {name} {amount:,.2f}" for name, amount in zip(money, amounts, strict=True) if amount is not None)
            found.append((int(str(count)), table.quarantine_name, f"{count:,} rows of {table.quarantine_name}: {reason}{told}"))
        return found

    def _waived(self, table: Table, days: Interval) -> Iterator[Standing]:
        waived = [one for one in Figures(self._ledger.conn_id).found([table.full_name]) if one.is_waived and one.lies_in(days)]
        for figure in waived[-1:]:
            more = f" and {len(waived) - 1} more" if len(waived) > 1 else ""
            by, why = (figure.finding.get(name) for name in ("accepted_by", "accepted_because"))
            reason = f"{by} waived «{figure.check_name}»{more}: {why}"
            told = f"Published with {len(waived)} unusual figure(s) that somebody waived, such as {figure.name}."
            yield Standing(table.full_name, days, "waived", told, reason, ["nothing; the waiver ends when the figure changes"])

    def _restated(self, table: Table, days: Interval) -> Iterator[Standing]:
        """Published again with another content after it was whole; what is replaced as a whole is so with every change."""
        history = [one for one in self._observations.publications(table.full_name, days) if one.status != "open"]
        if len(history) < 2 or table.period_column is None:
            return
        first, last, times = history[0], history[-1], len(history) - 1
        told = f"Published on {minute(first.published_at)}, restated {times} time{'s' if times > 1 else ''}, last on "
        told += f"{minute(last.published_at)} by the run {last.run_id}."
        yield Standing(table.full_name, days, "restated", told, steps=["nothing: its checks have passed"])

    @cached_property
    def _incidents(self) -> list[Incident]:
        return Incidents(self._ledger.conn_id).open()

    @cached_property
    def _held_readings(self) -> list[HeldDay]:
        return HeldDays(self._ledger.conn_id).open()

    @cached_property
    def _runs(self) -> list[tuple[str, str, datetime | None]]:
        return self._observations.at_work()


def _taken(incident: Incident) -> str:
    """Who looks after an incident, or how to say that one does."""
    by = f" by {incident.acknowledged_by}" if incident.acknowledged_by else f": headline acknowledge {incident.id}"
    return f"incident {incident.id} is {incident.state}{by}"


def _readers_have(state: PeriodState | None) -> str:
    if state is None:
        return "Nothing of it is published."
    return f"Readers have what was computed on {minute(state.computed_at)} ({state.row_count:,} rows)."


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


def _nearest(changes: Sequence[Change], days: Interval) -> Change | None:
    """Of changes the newest that touches the days themselves, else the newest."""
    return max(changes, key=lambda one: (one.interval.overlaps(days), one.version), default=None)


def _which(change: Change | None) -> str:
    if change is None:
        return "an input"
    return change.table if change.interval.start == date.min else f"{change.table} {period_name(change.interval)}"


def _again(days: Interval, table: Table) -> str:
    return f"then headline why {table.full_name} {days.start}"
