"""All pipelines and sources of the repository, checked as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from graphlib import TopologicalSorter
from zoneinfo import ZoneInfo

from headline import settings
from headline.errors import SpecError
from headline.specs.folders import load_pipeline, pipeline_folders, read_pipeline
from headline.specs.models import Pipeline, Source, Table


@dataclass(frozen=True)
class Catalog:
    """Every pipeline by id, every table and landing by full name."""

    pipelines: dict[str, Pipeline] = field(default_factory=dict)

    @property
    def tables(self) -> dict[str, Table]:
        return {table.full_name: table for pipeline in self.pipelines.values() for table in pipeline.tables.values()}

    @property
    def makers(self) -> dict[str, Pipeline]:
        """The pipeline that fills each table and quarantine, by full name."""
        return {name: pipeline for pipeline in self.pipelines.values() for name in pipeline.outputs}

    @property
    def filled_by(self) -> dict[str, Table]:
        """The table whose SELECT fills each table and quarantine, by full name."""
        return {output: table for table in self.tables.values() for output in table.outputs}

    def table(self, name: str) -> Table:
        """The table called `schema.name`; raises SpecError with what exists otherwise."""
        if name not in self.tables:
            raise SpecError([f"no table is called {name}; there are: {', '.join(sorted(self.tables))}"])
        return self.tables[name]

    def source(self, name: str) -> Source:
        """The source called so; raises SpecError with what exists otherwise."""
        sources = {one.id: one for one in self.pipelines.values() if isinstance(one, Source)}
        if name not in sources:
            raise SpecError([f"no source is called {name}; there are: {', '.join(sorted(sources))}"])
        return sources[name]

    def inputs_of(self, pipeline_id: str) -> set[str]:
        """The pipelines whose tables a pipeline reads."""
        makers = self.makers
        return {makers[name].id for name in self.pipelines[pipeline_id].inputs if name in makers}

    def in_order(self, among: Iterable[str] | None = None) -> list[Pipeline]:
        """Every pipeline, or those of these ids that there are, after those that it reads."""
        graph = {name: self.inputs_of(name) for name in sorted(self.pipelines)}
        wanted = graph.keys() if among is None else {*among}
        return [self.pipelines[name] for name in TopologicalSorter(graph).static_order() if name in wanted]

    def computed_from(self, name: str) -> set[str]:
        """Every table that a table is computed from, directly or through others."""
        makers = self.makers

        def read_by(one: str) -> set[str]:
            return {makers[read].outputs[read].full_name for read in makers[one].outputs[one].reads if read in makers}

        return set(reached(name, read_by))

    def sources_of(self, pipeline_id: str) -> list[str]:
        """The sources that a pipeline gets its rows from, directly or through others; of a source that is itself."""
        return sorted(name for name in [pipeline_id, *reached(pipeline_id, self.inputs_of)] if not self.inputs_of(name))

    def readers_of(self, pipeline_id: str) -> list[str]:
        """Every pipeline that depends on one, directly or through others, the most important first."""
        inputs = {other: self.inputs_of(other) for other in self.pipelines}
        found = reached(pipeline_id, lambda one: [other for other, read in inputs.items() if one in read])
        return sorted(found, key=lambda other: (self.pipelines[other].tier, other))

    def faults(self) -> Iterator[str]:
        """What is wrong between pipelines: names taken twice, tables read that nobody makes, days that nobody waits for."""
        yield from self.names_taken_twice()
        for pipeline in self.pipelines.values():
            yield from (f"{pipeline.id}: {fault}" for fault in self.wrong_reads(pipeline))
            yield from self.days_without_their_evening(pipeline)

    def wrong_reads(self, pipeline: Pipeline) -> Iterator[str]:
        """What a pipeline says that it reads, and cannot."""
        owners = {name: other.id for other in self.pipelines.values() for name in other.names}
        for table in pipeline.tables.values():
            for read in table.reads:
                if read not in owners and read != "calendar.days":
                    yield f"tables.{table.name}.reads: nobody makes {read}"
                elif read.startswith("quarantine.") and owners[read] != pipeline.id:
                    yield f"tables.{table.name}.reads: {read} holds what {owners[read]} refused; read what it accepted"

    def days_without_their_evening(self, pipeline: Pipeline) -> Iterator[str]:
        """Files a day whose evening, in a reporting zone behind theirs, is in the next file: the day would not wait for it."""
        makers, zone = self.makers, settings.load().reporting_zone
        ahead = {name for table in pipeline.tables.values() for name, window in table.reads.items() if window.lookahead_days}
        for name in sorted(ahead & makers.keys()):
            source, raw = makers[name], makers[name].outputs[name]
            ingests = source.ingest if isinstance(source, Source) else {}
            for landing in (read.removeprefix("landing.") for read in raw.reads):
                ingest = ingests.get(landing)
                if ingest is None or ingest.kind != "files" or ingest.day or ingest.moment or ingest.undated:
                    continue
                if is_behind(zone, ingest.zone) and _tells_moments(raw):
                    yield (
                        f"{source.id}: ingest.{landing}: a business day of {zone} ends after the day of "
                        f"{ingest.zone} that its file is of, so it would be published before the next file brings its evening, "
                        f"for which {pipeline.id} reads {name} a day ahead. Name the column that tells when a record happened as "
                        "`moment`"
                    )

    def names_taken_twice(self) -> Iterator[str]:
        owners: dict[str, str] = {}
        for pipeline in self.pipelines.values():
            for name in pipeline.names:
                if name in owners:
                    yield f"{pipeline.id}: {name} is made by {owners[name]} already; rename one of them"
                owners[name] = pipeline.id


def is_behind(zone: str, other: str) -> bool:
    """Whether days end later in a zone than in another one, in winter or in summer."""
    noons = (datetime(2026, month, 1, 12, tzinfo=UTC) for month in (1, 7))
    offsets = ([noon.astimezone(ZoneInfo(one)).utcoffset() or timedelta() for one in (zone, other)] for noon in noons)
    return any(mine < its for mine, its in offsets)


def _tells_moments(table: Table) -> bool:
    from headline.specs.contract_files import read_contract

    contract, _ = read_contract(table)
    return contract is not None and any(column.data_type == "timestamp" for column in contract.columns)


def reached(start: str, following: Callable[[str], Iterable[str]]) -> list[str]:
    """Everything that follows from one, directly or through others, the nearest first; not the one itself."""
    found: dict[str, None] = {}
    new = {start}
    while new:
        new = {other for one in new for other in following(one)} - found.keys() - {start}
        found |= dict.fromkeys(sorted(new))
    return list(found)


@cache
def load() -> Catalog:
    """The whole repository; raises SpecError with the faults of every folder at once."""
    catalog, faults = _read()
    faults += catalog.faults()
    if faults:
        raise SpecError(faults)
    return catalog


def load_for(pipeline_id: str) -> Catalog:
    """The repository as a run of one pipeline sees it: what is wrong in other folders alone is none of its business."""
    try:
        return load()
    except SpecError:
        catalog, _ = _read()
        if pipeline_id not in catalog.pipelines or any(catalog.names_taken_twice()):
            raise
        return catalog


def load_sound() -> Catalog:
    """The folders without faults: who looks after all of them must not stop at one that is broken."""
    return _read()[0]


def load_sound_and_faults() -> tuple[Catalog, list[str]]:
    """The folders without faults, and the faults of the others."""
    catalog, faults = _read()
    # What reads a faulty folder's table is not at fault: it is looked for in all that can be understood.
    return catalog, faults + list((load_understood() if faults else catalog).faults())


def load_understood() -> Catalog:
    """Every folder as far as it can be understood: what a broken one makes is known as long as its spec names it."""
    found = [pipeline for folder in pipeline_folders() if (pipeline := read_pipeline(folder)[0])]
    return Catalog({pipeline.id: pipeline for pipeline in found})


def _read() -> tuple[Catalog, list[str]]:
    pipelines: dict[str, Pipeline] = {}
    faults: list[str] = []
    for folder in pipeline_folders():
        try:
            pipeline = load_pipeline(folder)
        except SpecError as error:
            faults += error.faults
            continue
        if pipeline.id in pipelines:
            faults.append(f"{folder}: the id {pipeline.id} is taken by {pipelines[pipeline.id].folder}; folder names are DAG ids")
        pipelines[pipeline.id] = pipeline
    return Catalog(pipelines), faults
