"""What is wrong: a pure function of what the ledger knows, what the pipelines promise, and the time.

It looks at data only, so that a run that is late, failed, paused or was never made is the same to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from graphlib import TopologicalSorter
from statistics import median
from typing import Any

from headline.errors import SpecError
from headline.incidents import kinds
from headline.incidents.days import end_of
from headline.intervals import DAY, business_day
from headline.ledger import Attempt, HeldDay, SchemaChange
from headline.ledger.evidence import Evidence, HeldBack, Publication
from headline.ledger.incidents import Finding, Incident, Key
from headline.specs import Catalog, Table, load_contract, reached

WATCH = "freshness_watch"  # the DAG that answers for the path of alerts
LOOK_BACK_DAYS = 3  # older days page nobody; within them a day is told even if nobody looked when it was missed
HISTORY_DAYS = 28
ENOUGH_HISTORY = 5
STUCK_FACTOR = 3
STUCK_AT_LEAST = timedelta(minutes=10)
# An audit that could not run is tried again; the task itself tells at once when it gives up.
STILL_BEING_TRIED = timedelta(minutes=30)
# Found within the pipeline itself, these say why its day has not landed, the likeliest first.
DIRECT_CAUSES = ("schema_changed", "source_missing", "contract_failed", "contract_not_evaluated", "task_failed")
HOLDS_BACK = (*DIRECT_CAUSES, "landing_missed")
# What each kind may follow from: within the pipeline itself, and in one that its rows come from. A kind that is not here is
# always a root: figures and approvals are judged by people, and the path of alerts depends on no data.
CAUSES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "landing_missed": (DIRECT_CAUSES, HOLDS_BACK),
    "data_stale": (HOLDS_BACK, (*HOLDS_BACK, "data_stale")),
    "data_partial": (("schema_changed", "source_missing"), ("data_partial", "schema_changed", "source_missing")),
    "backfill_failed": ((), ("backfill_failed",)),
    "source_missing": (("schema_changed",), ()),
    "contract_failed": (("schema_changed", "source_missing"), HOLDS_BACK),
    "contract_not_evaluated": (("schema_changed", "source_missing", "contract_failed"), (*HOLDS_BACK, "data_stale")),
    "task_failed": (("schema_changed", "source_missing", "contract_failed", "contract_not_evaluated"), HOLDS_BACK),
}


@dataclass(frozen=True)
class Landing:
    """How far one day of one pipeline is: tables that lack it, those that have it in part, and when the last of them came.

    What a table has in part is judged by what arrived for that day: one that is partial for an earlier day only is not told.
    """

    missing: list[str]
    partial: dict[str, float]
    landed_at: datetime | None

    @property
    def is_complete(self) -> bool:
        return not self.missing and not self.partial


@dataclass(frozen=True)
class World:
    """Everything that a judgement rests on.

    `stale`: by pipeline, the published days that were computed before an input changed which should be in by now.
    `escalated`: missing days that nobody tries to bring any more. `changed_schemas`: how the columns of landings differ.
    `held`: readings of days
    that would have lost what was loaded. `slow`: by pipeline and day, tasks that take too long. `down`: parts of the alerts' own
    path that do not work.
    """

    catalog: Catalog
    evidence: Evidence
    now: datetime
    start_date: date
    zone: str
    without: frozenset[str] = frozenset()
    stale: Mapping[str, set[date]] = field(default_factory=dict)
    escalated: Sequence[Attempt] = ()
    changed_schemas: Sequence[SchemaChange] = ()
    held: Sequence[HeldDay] = ()
    slow: Mapping[tuple[str, date], list[dict[str, Any]]] = field(default_factory=dict)
    down: Mapping[str, str] = field(default_factory=dict)

    @property
    def yesterday(self) -> date:
        return business_day(self.now, self.zone) - DAY

    @property
    def days(self) -> list[date]:
        """The days that are looked at, the newest first."""
        days = [self.yesterday - DAY * n for n in range(LOOK_BACK_DAYS)]
        return [day for day in days if day >= self.start_date]

    @cached_property
    def inputs(self) -> dict[str, set[str]]:
        """By pipeline, those that it waits for, in an order in which each comes after them; only those that exist here."""
        graph = {name: self.catalog.inputs_of(name) for name in self.catalog.pipelines}
        expected: dict[str, set[str]] = {}
        for name in TopologicalSorter(graph).static_order():
            made = [table for table in self.catalog.pipelines[name].tables.values() if table.full_name not in self.without]
            inputs = graph[name] & expected.keys()
            if made and (inputs or not graph[name]):
                expected[name] = inputs
        return expected

    def deadline(self, pipeline: str, day: date) -> datetime:
        return self.catalog.pipelines[pipeline].due_at(day)

    def landing(self, pipeline: str, day: date) -> Landing:
        """What readers have of one day: of each table the newest publication counts."""
        missing, partial, moments = [], {}, []
        for table in self._telling_tables(pipeline):
            newest = next(self._taken_in(pipeline, table, day), None)
            if newest is None:
                missing.append(table.full_name)
            else:
                moments.append(newest.published_at)
                if self._is_partial_for(table, newest, day):
                    partial[table.full_name] = float(newest.coverage)
        return Landing(missing, partial, None if missing else max(moments))

    def first_landed_at(self, pipeline: str, day: date) -> datetime | None:
        """When a day had landed for the first time, however often since; None where it came more than a day late."""
        return self._first_landed(pipeline, day)

    def published_since(self, pipeline: str, moment: datetime, day: date | None = None) -> bool:
        """Whether the pipeline has published anything, or that day, after a moment; the same content computed again counts."""
        names = {table.full_name for table in self._tables(pipeline)}
        return any(
            one.table in names and one.computed_at > moment and (day is None or one.interval.start <= day < one.interval.end)
            for one in self.evidence.publications
        )

    # what is usual

    def usual(self, pipeline: str) -> timedelta | None:
        """The median time from when its inputs were there until it had landed; None while too few days are known."""
        times = []
        day = self.evidence.first
        while day < self.yesterday:
            begun, landed = self._began(pipeline, day), self._first_landed(pipeline, day)
            if begun and landed and begun <= landed:
                times.append((landed - begun).total_seconds())
            day += DAY
        return timedelta(seconds=median(times)) if len(times) >= ENOUGH_HISTORY else None

    def expected_at(self, pipeline: str, day: date) -> datetime | None:
        """When a day will have landed if all takes as long as usual from now on; None where nobody can tell."""
        if landed_at := self.landing(pipeline, day).landed_at:
            return landed_at
        usual = self.usual(pipeline)
        begins = [self.expected_at(one, day) for one in self.inputs[pipeline]] or [end_of(day, self.zone)]
        if usual is None or any(moment is None for moment in begins):
            return None
        return max(self.now, max(moment for moment in begins if moment) + usual)

    def stuck_since(self, pipeline: str, day: date) -> datetime | None:
        """When its inputs were there, if it has taken much longer since than is usual."""
        begun, usual = self._began(pipeline, day), self.usual(pipeline)
        if begun is None or usual is None:
            return None
        return begun if self.now - begun > max(STUCK_FACTOR * usual, STUCK_AT_LEAST) else None

    # inside

    @cached_property
    def _by_table(self) -> dict[str, list[Publication]]:
        found: dict[str, list[Publication]] = {}
        for publication in self.evidence.publications:
            found.setdefault(publication.table, []).append(publication)
        return found

    def _tables(self, pipeline: str) -> list[Table]:
        tables = self.catalog.pipelines[pipeline].tables.values()
        return [table for table in tables if table.full_name not in self.without]

    def _telling_tables(self, pipeline: str) -> list[Table]:
        """Those that tell whether a day is there: weeks and months do so only where there is nothing finer."""
        tables = self._tables(pipeline)
        return [table for table in tables if table.period in ("day", "all")] or tables

    def _taken_in(self, pipeline: str, table: Table, day: date) -> Iterator[Publication]:
        """The publications of a table that hold a day, the newest first.

        A week or a month is published whole from its first day on: it holds the days whose inputs were there at that time.
        """
        is_coarse = table.period in ("week", "month")
        inputs = self.catalog.pipelines[pipeline].external_reads(table).keys() & self.catalog.makers.keys() - self.without
        for one in self._by_table.get(table.full_name, []):
            if one.interval.start <= day < one.interval.end and (
                not is_coarse or all(0 < self._came(name, day) <= one.as_of for name in inputs)
            ):
                yield one

    def _is_partial_for(self, table: Table, publication: Publication, day: date) -> bool:
        """Whether rows of that day are missing, and not only rows of days that the table sums up besides.

        Where its inputs say how much of the day is there they decide; a week or month tells of nothing that its days do not.
        """
        if publication.is_complete or table.period in ("week", "month"):
            return False
        inputs = [self.catalog.tables[name] for name in sorted(table.reads.keys() & self._tell_coverage)]
        return not inputs or any(
            self._is_partial_for(one, newest, day) for one in inputs if (newest := self._newest(one.full_name, day))
        )

    @cached_property
    def _tell_coverage(self) -> set[str]:
        """The tables whose rows say how much of their period is there; a faulty contract says nothing, and stops no watch."""
        found = set()
        for name, table in self.catalog.tables.items():
            with suppress(SpecError):
                if name not in self.without and load_contract(table).tells_coverage:
                    found.add(name)
        return found

    def _newest(self, table: str, day: date) -> Publication | None:
        return next((one for one in self._by_table.get(table, []) if one.interval.start <= day < one.interval.end), None)

    def _came(self, table: str, day: date) -> int:
        """The version that brought a day first; 0 where none did."""
        return min(
            (one.version for one in self._by_table.get(table, []) if one.interval.start <= day < one.interval.end), default=0
        )

    @cached_property
    def _first_landings(self) -> dict[tuple[str, date], datetime | None]:
        return {}

    def _first_landed(self, pipeline: str, day: date) -> datetime | None:
        """When all tables had a day for the first time; a day that came more than a day late says nothing about what is usual."""
        if (pipeline, day) not in self._first_landings:
            moments = [
                min((one.published_at for one in self._taken_in(pipeline, table, day)), default=None)
                for table in self._telling_tables(pipeline)
            ]
            latest = None if None in moments else max(moment for moment in moments if moment)
            self._first_landings[pipeline, day] = latest if latest and latest - end_of(day, self.zone) < DAY else None
        return self._first_landings[pipeline, day]

    def _began(self, pipeline: str, day: date) -> datetime | None:
        """When the inputs of a day were there."""
        moments = [self._first_landed(one, day) for one in self.inputs[pipeline]]
        return None if None in moments else max([end_of(day, self.zone), *(moment for moment in moments if moment)])


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
        *_path(world, incidents),
    ]
    known = {incident.key for incident in incidents if not _lets_through(incident.facts)}
    already_open = {incident.key for incident in incidents}
    known |= {finding.key for finding in found if not _lets_through(finding.facts)}
    causes = {finding.key: cause_of(finding.key, known, world.inputs) for finding in found}
    for pipeline, kind, ds in list(causes):
        # Nobody looked for days: the newest of them is told, the others hang on it.
        newest = (pipeline, kind, world.yesterday)
        if kind == "landing_missed" and ds < world.yesterday and newest in causes and (pipeline, kind, ds) not in already_open:
            causes[pipeline, kind, ds] = causes[newest] or newest
    return [_with_cause(finding, causes[finding.key]) for finding in found]


def _with_cause(finding: Finding, cause: Key | None) -> Finding:
    """The finding with what it follows from; of what has not landed the fact `cause` tells in a word why.

    It waits (an input is not there), has failed (the day's own incident says why), or is late (its inputs are there, and nothing
    has failed). What was computed before its inputs changed is behind, which is a kind of its own.
    """
    if finding.kind != "landing_missed":
        return replace(finding, cause=cause)
    is_own = cause is not None and cause[0] == finding.pipeline and cause[1] != "landing_missed"
    why = "failed" if is_own else "waits" if finding.facts.get("waits_for") else "late"
    return replace(finding, cause=cause, facts=finding.facts | {"cause": why})


def cause_of(key: Key, known: Set[Key], inputs: Mapping[str, set[str]]) -> Key | None:
    """The known finding at the root of this one: something else in the same pipeline, or in one that its rows come from, the
    nearest first.

    Other columns hold back the days after them too, and what is stale is one finding for many days. `inputs`: by pipeline, those
    that it waits for.
    """
    pipeline, kind, ds = key
    own, upstream = CAUSES.get(kind, ((), ()))
    lasting = {
        (one, which): day
        for one, which, day in sorted(known)
        if (which == "schema_changed" and day < ds) or which == "data_stale"
    }
    candidates = [(pipeline, direct) for direct in own]
    candidates += [(one, held) for one in reached(pipeline, lambda one: inputs.get(one, ())) for held in upstream]
    for candidate in candidates:
        cause = (*candidate, ds) if (*candidate, ds) in known else (*candidate, lasting.get(candidate, ds))
        if cause in known:
            return cause_of(cause, known, inputs) or cause
    return None


def is_over(incident: Incident, world: World, still: Set[Key]) -> str:
    """What ended an incident; nothing while it goes on, or where the ledger cannot tell. `still`: what is wrong now."""
    if incident.facts.get("drill"):
        return f"it reached {incident.acknowledged_by}" if incident.state == "acknowledged" else ""
    if incident.pipeline == WATCH and incident.kind == "alert_path_failed":
        return "" if incident.key in still else "it works again"
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
        is_mended = all(world.published_since(incident.pipeline, incident.opened_at, day) for day in failed)
        return "its days were published since" if failed and is_mended else ""
    if incident.kind not in kinds.HOLDS_DATA_BACK:
        return ""
    if _lets_through(incident.facts):
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
        days = [day for day in world.days if any(one.start <= day < one.end for one in held.intervals)]
        if held.table not in makers or not days:
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
        mended = {day for day in failed if world.published_since(incident.pipeline, incident.opened_at, day)}
        if not mended or mended == failed.keys():
            continue
        facts = {name: value for name, value in incident.facts.items() if not name.startswith(kinds.FAILED_DAY)}
        runs = [failed[day] for day in sorted(failed.keys() - mended)]
        if facts.get("run_id") not in runs:  # what is known of a run tells nothing of the others
            facts = {"run_id": runs[-1]}
        drops = frozenset(f"{kinds.FAILED_DAY}{day}" for day in mended)
        yield Finding(incident.pipeline, incident.kind, incident.ds, incident.since, facts, adds=kinds.FAILED_DAY, drops=drops)


def _sources(world: World) -> dict[str, str]:
    """By landing the source that fills it."""
    return {landing: source.id for source in world.catalog.pipelines.values() for landing in getattr(source, "landed", ())}


def path_failed(down: Mapping[str, str], incidents: Iterable[Incident], now: datetime) -> Finding:
    """What of the alerts' own path does not work, by name; one finding however long it lasts and whatever joins it."""
    begun = [one.ds for one in incidents if (one.pipeline, one.kind) == (WATCH, "alert_path_failed") and one.state != "resolved"]
    return Finding(WATCH, "alert_path_failed", min(begun, default=now.astimezone(UTC).date()), now, {"down": dict(down)})


def known_down(incidents: Iterable[Incident]) -> dict[str, str]:
    """What of the alerts' path does not work as far as the newest look knows; who finds more of it adds to that."""
    failed = (one for one in incidents if (one.pipeline, one.kind) == (WATCH, "alert_path_failed") and one.state != "resolved")
    return next((dict(one.facts.get("down", {})) for one in failed), {})


def _path(world: World, incidents: Iterable[Incident]) -> Iterator[Finding]:
    if world.down:
        yield path_failed(world.down, incidents, world.now)


def _lets_through(facts: Mapping[str, Any]) -> bool:
    """A changed schema that holds nothing back: it is told, and nothing follows from it."""
    return facts.get("blocking") is False
