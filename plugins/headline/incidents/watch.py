"""The freshness watch: it looks at what the ledger knows, opens, links and ends incidents, and has people told.

It reads neither the warehouse nor Airflow's database, and works the same from a task, the triggerer or a shell.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

from headline import settings, specs
from headline.incidents.airflow_state import AirflowState, look_at_airflow
from headline.incidents.alert_path import WATCH
from headline.incidents.causes import cause_of
from headline.incidents.days import end_of
from headline.incidents.judge import findings, is_over
from headline.incidents.kinds import failed_days
from headline.incidents.pager import pager
from headline.incidents.world import HISTORY_DAYS, World
from headline.intervals import DAY, Interval, business_day
from headline.ledger import FigureRequests, HeldDays, Ledger, Repairs, SchemaChange, SchemaChanges, stale_states
from headline.ledger.evidence import Observations
from headline.ledger.figure_requests import RESTATEMENT
from headline.ledger.incident import Finding, Incident, Key
from headline.ledger.incidents import Incidents
from headline.specs import Catalog

log = logging.getLogger(__name__)

# Changes of inputs are looked at for so long, or as long as an incident about them lasts.
STALE_FOR = timedelta(days=7)


def look(now: datetime) -> datetime | None:
    """One round: judge, open and end incidents, tell people. Returns the next moment at which it is worth looking again.

    Again, or twice at a time, is safe. Raises Transient when the ledger is out of reach.
    """
    catalog = specs.load_sound()
    incidents = Incidents()
    airflow = look_at_airflow(now, settings.load().reporting_zone)  # before the lock: an API that hangs must hold up nobody
    with incidents.judging():
        world = observe(catalog, incidents, airflow, now)
        found = findings(world, incidents.open())
        settle(incidents, found, now)
        still = {finding.key for finding in found}
        for incident in incidents.open():
            if reason := is_over(incident, world, still):
                log.info("%s %s of %s is over: %s", incident.pipeline, incident.kind, incident.ds, reason)
                incidents.resolve(incident.id, now, reason)
    due = [world.deadline(pipeline, world.yesterday) for pipeline in world.inputs]
    moments = [pager().notify(catalog, now), *(moment for moment in due if moment > now)]
    return min((moment for moment in moments if moment), default=None)


def report(found: Sequence[Finding], now: datetime) -> None:
    """Somebody else has found something: incidents are opened, hung on what they follow from, and people told at once."""
    catalog, incidents = specs.load_sound(), Incidents()
    known = {one.key for one in incidents.open()} | {one.key for one in found}
    inputs = {name: catalog.inputs_of(name) for name in catalog.pipelines}
    settle(incidents, [replace(one, cause=cause_of(one.key, known, inputs)) for one in found], now)
    pager().notify(catalog, now)


def settle(incidents: Incidents, found: Sequence[Finding], now: datetime) -> None:
    """Open what was found, or remember what is new about it, and hang each on its cause."""
    fired: dict[Key, Incident] = {incident.key: incident for incident in incidents.open()}
    for finding in found:
        fired[finding.key] = fire(incidents, finding, fired.values(), now)
    for finding in found:
        if finding.cause and finding.cause in fired:
            detail = f"follows from {' '.join(map(str, finding.cause))}"
            incidents.link(fired[finding.key].id, fired[finding.cause].id, now, detail)


def fire(incidents: Incidents, finding: Finding, known: Iterable[Incident], now: datetime) -> Incident:
    """Open the incident of a finding or remember what is new; where more of the alerts' path is down, all are notified again.

    `known`: those that were not over before.
    """
    before = next((one for one in known if one.key == finding.key), None)
    fired = incidents.fire(finding, now)
    joined = fired.facts.get("down", {}).keys() - before.facts.get("down", {}).keys() if before else set()
    return incidents.rearm(fired.id, now, f"down too: {', '.join(sorted(joined))}") if joined else fired


def observe(catalog: Catalog, incidents: Incidents, airflow: AirflowState, now: datetime) -> World:
    """What a judgement rests on, as of now."""
    known, unresolved = settings.load(), incidents.open()
    yesterday = business_day(now, known.reporting_zone) - DAY
    concerned = [day for incident in unresolved for day in (incident.ds, *failed_days(incident.facts))]
    first = min([yesterday - DAY * HISTORY_DAYS, *concerned])
    world = World(
        catalog=catalog,
        evidence=Observations().evidence(first),
        now=now,
        start_date=known.start_date,
        zone=known.reporting_zone,
        without=known.without,
        escalated=[attempt for attempt in Repairs().newest().values() if attempt.outcome == "escalated"],
        changed_schemas=_changed_schemas(catalog),
        held=HeldDays().open(),
        slow=airflow.slow,
        stranded=airflow.stranded,
        restatements={(one.pipeline, one.start) for one in FigureRequests().all(waiting=True) if one.kind == RESTATEMENT},
        down=airflow.down | unread_folders(catalog) | _broken_channels(incidents, unresolved),
    )
    return replace(world, stale=stale(world, unresolved))


def unread_folders(catalog: Catalog) -> dict[str, str]:
    """Pipelines that nobody watches, because their files are faulty."""
    names = {folder.name for folder in specs.pipeline_folders()} - catalog.pipelines.keys()
    return {f"the watch over {name}": "its files are faulty; its DAG says what is wrong" for name in sorted(names)}


def _changed_schemas(catalog: Catalog) -> list[SchemaChange]:
    """How things stand with the columns of every landing, where they are not as agreed."""
    landings = [name for source in catalog.pipelines.values() for name in getattr(source, "landed", ())]
    newest = [SchemaChanges().newest(landing) for landing in landings]
    return [changed for changed in newest if changed and changed.changes]


def _broken_channels(incidents: Incidents, unresolved: Sequence[Incident]) -> dict[str, str]:
    """Those that are known to be broken; one that failed long ago is not looked at again before somebody uses it."""
    is_known = any(incident.pipeline == WATCH and incident.kind == "alert_path_failed" for incident in unresolved)
    return incidents.broken_channels() if is_known else {}


def stale(world: World, open_incidents: Sequence[Incident]) -> dict[str, set[date]]:
    """By pipeline whose deadline has passed: days of the restatement window that lack a change of inputs made before this day.

    A change made since then need not be in before the next run; what is older waits for a backfill.
    """
    ledger, observations = Ledger(), Observations()
    began = end_of(world.yesterday, world.zone)
    lasting = [incident.opened_at for incident in open_incidents if incident.kind == "data_stale"]
    oldest = observations.version_at(min([world.now, *lasting]) - STALE_FOR)
    newest = observations.version_at(began)
    tables = {
        table.full_name: (pipeline, world.catalog.pipelines[pipeline].external_reads(table))
        for pipeline in world.inputs
        if world.now >= world.deadline(pipeline, world.yesterday)
        for table in world.catalog.pipelines[pipeline].tables.values()
    }
    watched = Interval(world.yesterday - timedelta(days=settings.load().restatement_days), world.yesterday + DAY)
    found: dict[str, set[date]] = {}
    for name, (pipeline, reads) in tables.items():
        states = stale_states(world.catalog.tables[name], reads, ledger, watched, limits=(oldest, newest))
        days = {day for state in states for day in state.interval if day >= world.start_date}
        found.setdefault(pipeline, set()).update(days)
    return found
