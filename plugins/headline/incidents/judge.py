"""What is wrong: a pure function of what the ledger knows, what the pipelines promise, and the time.

It looks at data only, so that a run that is late, failed, paused or was never made is the same to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from datetime import UTC, date, timedelta
from typing import Any

from headline.incidents import kinds
from headline.incidents.alert_path import WATCH, path_failed
from headline.incidents.causes import lets_through, with_causes
from headline.incidents.stranded import stranded_findings
from headline.incidents.world import LOOK_BACK_DAYS, World
from headline.intervals import DAY
from headline.ledger import PREFIX, HeldDay
from headline.ledger.evidence import HeldBack
from headline.ledger.incident import Finding, Incident, Key

# An audit that could not run is tried again; the task itself tells at once when it gives up.
STILL_BEING_TRIED = timedelta(minutes=30)


def findings(world: World, open_incidents: Iterable[Incident] = ()) -> list[Finding]:
    """Everything that is wrong now, each with the finding or open incident that it follows from."""
    incidents = list(open_incidents)
    found = [
        *_landings(world),
        *_stale(world, incidents),
        *_held_back(world),
        *_escalated(world),
        *_schemas(world),
        *_shrunk(world),
        *_backfills(world, incidents),
        *stranded_findings(world.stranded or (), incidents),
    ]
    if world.down:
        found.append(path_failed(world.down, incidents, world.now))
    return with_causes(found, incidents, world.inputs, world.yesterday)


def is_over(incident: Incident, world: World, still: Set[Key]) -> str:
    """What ended an incident; nothing while it goes on, or where the ledger cannot tell. `still`: what is wrong now."""
    if incident.facts.get("drill"):
        return f"it reached {incident.acknowledged_by}" if incident.state == "acknowledged" else ""
    if incident.pipeline == WATCH and incident.kind == "alert_path_failed":
        return "" if incident.key in still else "it works again"
    if incident.kind == "backfill_stranded":
        return "" if world.stranded is None or incident.key in still else "none of its runs is queued any more"
    if incident.kind == kinds.RESTATEMENT_WAITING.name:
        is_new = incident.opened_at >= world.now  # it was asked for after the requests were read
        waits = is_new or (incident.pipeline, incident.ds) in world.restatements
        return "" if waits else "its request was decided, or is superseded"
    if incident.pipeline not in world.inputs:
        return ""
    if incident.kind == "data_stale":
        return "" if incident.key in still else "computed again from the newest inputs"
    if incident.kind == "source_shrunk":
        return "" if incident.key in still else "the source has the day again, or a run was asked for it"
    if incident.kind == "data_partial":
        if world.landing(incident.pipeline, incident.ds).is_complete:
            return "the day is complete"
        return "" if incident.ds in world.days else f"{LOOK_BACK_DAYS} days have passed; the day stays marked as partial"
    if incident.kind == "backfill_failed":
        failed = kinds.failed_days(incident.facts)
        is_fixed = all(world.published_since(incident.pipeline, incident.opened_at, day) for day in failed)
        return "its days were published since" if failed and is_fixed else ""
    if incident.kind not in kinds.HOLDS_DATA_BACK:
        return ""
    if lets_through(incident.facts):
        return "" if incident.ds in world.days else f"{LOOK_BACK_DAYS} days have passed"
    if incident.kind == "contract_not_evaluated" and (incident.pipeline, "contract_failed", incident.ds) in still:
        return "it could be checked since: the data are bad, which is an incident of its own"
    landing = world.landing(incident.pipeline, incident.ds)
    if landing.landed_at and (
        incident.kind == "landing_missed" or world.published_since(incident.pipeline, incident.opened_at, incident.ds)
    ):
        return f"published at {landing.landed_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if incident.facts.get("phase") == "at_risk" and incident.key not in still:
        return "expected in time again"
    return ""


def _landings(world: World) -> Iterator[Finding]:
    """Days that are missing or partial after their deadline, and yesterday where it will not be there in time."""
    for pipeline, inputs in world.inputs.items():
        for day in world.days:
            landing = world.landing(pipeline, day)
            if landing.is_complete:
                continue
            due = world.deadline(pipeline, day)
            if not landing.missing:
                if world.now >= due:
                    yield Finding(pipeline, "data_partial", day, due, {"partial": landing.partial})
                continue
            facts: dict[str, Any] = {
                "deadline": due.isoformat(),
                "missing": landing.missing,
                "waits_for": sorted(one for one in inputs if world.landing(one, day).missing),
            }
            if slow := world.slow.get((pipeline, day)):
                facts["slow"] = slow
            if world.now >= due:
                yield Finding(pipeline, "landing_missed", day, due, facts | {"phase": "missed"})
            elif day == world.yesterday and ((forecast := _forecast(world, pipeline, day)) or slow):
                yield Finding(pipeline, "landing_missed", day, due, facts | forecast | {"phase": "at_risk"})


def _forecast(world: World, pipeline: str, day: date) -> dict[str, Any]:
    """Why a day will not be there in time; nothing where it will, or where nobody can tell."""
    expected = world.expected_at(pipeline, day)
    if expected and expected > world.deadline(pipeline, day):
        return {"expected_at": expected.replace(second=0, microsecond=0).isoformat()}
    begun, usual = world.stuck_since(pipeline, day), world.usual(pipeline)
    if begun and usual:
        return {
            "at_it_since": begun.replace(second=0, microsecond=0).isoformat(),
            "usual_minutes": round(usual.total_seconds() / 60, 1),
        }
    return {}


def _stale(world: World, incidents: Iterable[Incident]) -> Iterator[Finding]:
    """One finding a pipeline, however long it lasts: it keeps the day on which it was found first."""
    begun = {incident.pipeline: incident.ds for incident in incidents if incident.kind == "data_stale"}
    for pipeline, stale in world.stale.items():
        if days := sorted(stale):
            ds = begun.get(pipeline, world.yesterday)
            facts = {"days": [str(day) for day in days[:10]], "day_count": len(days), **kinds.range_of(days[0], days[-1])}
            yield Finding(pipeline, "data_stale", ds, world.deadline(pipeline, ds), facts)


def _held_back(world: World) -> Iterator[Finding]:
    """Candidates that an audit refused and that nothing newer has replaced."""
    makers = world.catalog.makers
    for held in world.evidence.held_back:
        days = [day for day in world.days if any(day in one for one in held.intervals)]
        # Whoever started a backfill sees what came of it; nobody is called for it.
        if held.table not in makers or not days or held.run_id.startswith(PREFIX):
            continue
        pipeline = makers[held.table].id
        if world.published_since(pipeline, held.at, days[0]):
            continue
        if held.state == "not_evaluated" and world.now - held.at < STILL_BEING_TRIED:
            continue
        yield held_finding(held, pipeline, days[0])


def held_finding(held: HeldBack, pipeline: str, day: date) -> Finding:
    """What an audit holds back as a finding of its pipeline."""
    facts = {
        "table": held.table,
        "run_id": held.run_id,
        "task_id": "write_audit_publish",
        "checks": held.checks,
        **kinds.range_of(held.intervals[0].start, held.intervals[-1].end - DAY),
    }
    kind = "contract_failed" if held.state == "failed" else "contract_not_evaluated"
    return Finding(pipeline, kind, day, held.at, facts)


def _escalated(world: World) -> Iterator[Finding]:
    """Missing days that nobody tries to bring any more and that have not come since, also older ones."""
    for attempt in world.escalated:
        source, at = attempt.source, attempt.finished_at or attempt.started_at
        if source not in world.inputs or world.published_since(source, at, attempt.ds):
            continue
        error = f"{attempt.reason}; {attempt.attempt} attempts have failed"
        facts: dict[str, Any] = {"error": error, "run_id": attempt.run_id}
        if attempt.landing != source:
            yield Finding(source, "source_missing", attempt.ds, at, {"landing": attempt.landing, **facts})
        elif attempt.ds not in world.days:
            facts |= {"phase": "missed", "missing": world.landing(source, attempt.ds).missing}
            yield Finding(source, "landing_missed", attempt.ds, world.deadline(source, attempt.ds), facts)


def _schemas(world: World) -> Iterator[Finding]:
    """Sources that do not arrive with the columns that were agreed."""
    sources = _sources(world)
    for changed in world.changed_schemas:
        source, at = sources[changed.landing], changed.found_at or world.now
        if source not in world.inputs or changed.ds < world.start_date:
            continue
        if world.published_since(source, at, changed.ds) if changed.is_blocking else changed.ds not in world.days:
            continue
        facts = {
            "landing": changed.landing,
            "changes": changed.told,
            "run_id": changed.run_id,
            "blocking": changed.is_blocking,
        }
        yield Finding(source, "schema_changed", changed.ds, at, facts)


def _shrunk(world: World) -> Iterator[Finding]:
    """Days of which a source has lost part since they were loaded; one finding a day, whatever of it is concerned."""
    sources = _sources(world)
    held: dict[tuple[str, date], list[HeldDay]] = {}
    for one in world.held:
        if (source := sources.get(one.landing)) in world.inputs:
            held.setdefault((source, one.ds), []).append(one)
    for (source, ds), readings in held.items():
        facts = {"error": "\n".join(f"{one.landing}: {one.found}" for one in readings), "run_id": readings[-1].run_id}
        yield Finding(source, "source_shrunk", ds, min(one.held_at or world.now for one in readings), facts)


def _backfills(world: World, incidents: Iterable[Incident]) -> Iterator[Finding]:
    """Backfills of whose failed days some have been published since: the others are what is still wrong."""
    for incident in incidents:
        if incident.kind != "backfill_failed" or incident.pipeline not in world.inputs:
            continue
        failed = kinds.failed_runs(incident.facts)
        fixed = {day for day in failed if world.published_since(incident.pipeline, incident.opened_at, day)}
        if not fixed or fixed == failed.keys():
            continue
        facts = {name: value for name, value in incident.facts.items() if not name.startswith(kinds.FAILED_DAY)}
        runs = [failed[day] for day in sorted(failed.keys() - fixed)]
        if facts.get("run_id") not in runs:  # what is known of a run tells nothing of the others
            facts = {"run_id": runs[-1]}
        drops = frozenset(f"{kinds.FAILED_DAY}{day}" for day in fixed)
        yield Finding(incident.pipeline, incident.kind, incident.ds, incident.since, facts, adds=kinds.FAILED_DAY, drops=drops)


def _sources(world: World) -> dict[str, str]:
    """By landing the source that fills it."""
    return {landing: source.id for source in world.catalog.pipelines.values() for landing in getattr(source, "landed", ())}
