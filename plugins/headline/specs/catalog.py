"""All pipelines and sources of the repository, read from their folders and checked as a whole."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from headline import settings
from headline.errors import SpecError
from headline.specs.lenient import keys, understood
from headline.specs.models import Pipeline, Source, Table, is_within

# A folder a day, so that a day is found without listing the others; in it files that begin with the minute of their arrival.
STREAM_PATTERN = re.compile(r"[^*]*%Y[^*]*%m[^*]*%d[^*/]*/%H%M[^*%/]*\*[^*%/]*")
# What stands in for a value that is missing or wrong while the rest of the file is looked at.
_PLACEHOLDERS: dict[str, Any] = {"description": "Not described yet.", "tier": 2, "lands_at": "23:59"}
YamlLoader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> Any:
    """The content of a YAML file; a syntax fault is a SpecError that names the line."""
    return parse_yaml(read_text(path), path)


def read_text(path: Path) -> str:
    """The text of a file that a folder must have; raises SpecError where it cannot be read."""
    try:
        return path.read_text()
    except OSError as error:
        raise SpecError([f"{path.name}: cannot be read: {error.strerror}; the folder {path.parent} needs this file"]) from None


def file_state(path: Path) -> tuple[int, ...] | None:
    """What differs as soon as a file is written anew, cheaper than its text; None where there is no such file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def parse_yaml(text: str, path: Path) -> Any:
    """What the text of a YAML file says; a syntax fault is a SpecError that names the line."""
    try:
        return yaml.load(text, Loader=YamlLoader)  # noqa: S506 (a safe loader, either way)
    except yaml.YAMLError as error:
        raise SpecError([f"{path}: not valid YAML: {' '.join(str(error).split())}"]) from None


def load_pipeline(folder: Path) -> Pipeline:
    """The pipeline or source that a folder describes.

    Raises SpecError with all faults at once, each with file and key.
    """
    pipeline, faults = read_pipeline(folder)
    if pipeline is None or faults:
        raise SpecError(faults)
    return pipeline


def read_pipeline(folder: Path) -> tuple[Pipeline | None, list[str]]:
    """What a folder describes, without its faults, and these, each with file and key.

    None where nothing can be told without them, as in a file that is not YAML.
    """
    known = settings.load()
    is_source = folder.parent.resolve() in {known.sources.resolve(), (known.sql / "sources").resolve()}
    file = folder / ("source.yml" if is_source else "pipeline.yml")
    where = f"{folder.parent.name}/{folder.name}/{file.name}"
    model: type[Pipeline] = Source if is_source else Pipeline
    try:
        content = read_yaml(file)
    except SpecError as error:
        return None, error.faults
    pipeline, errors = understood(model, content, _PLACEHOLDERS)
    told: dict[str, list[str]] = {}  # a value that may be one of several kinds is told as wrong by each of them
    for fault in errors:
        told.setdefault(_key(keys(content, fault)), []).append(_explain(fault))
    faults = [f"{where}: {key}: {'; or: '.join(texts)}" for key, texts in told.items()]
    if pipeline is None:
        return None, faults
    placed(pipeline, folder)
    return pipeline, faults + [f"{where}: {fault}" for fault in _faults(pipeline)]


def placed(pipeline: Pipeline, folder: Path) -> Pipeline:
    """The pipeline as that of a folder, which names its files and its tables."""
    pipeline._folder = folder
    for name, table in pipeline.tables.items():
        table._folder, table._schema, table._name, table._coverage = folder, pipeline.schema_name, name, pipeline.coverage
    if isinstance(pipeline, Source):
        _read_landing_by_default(pipeline)
    return pipeline


def stand_in(folder: Path) -> Pipeline:
    """What a folder whose spec cannot be read seems to hold: a table for each SELECT with a contract beside it."""
    names = [file.stem for file in sorted(folder.glob("*.sql")) if (folder / f"{file.stem}.contract.yml").is_file()]
    model = Source if folder.parent.name == "sources" else Pipeline
    return placed(model.model_construct(**_PLACEHOLDERS, tables={name: Table() for name in names}), folder)


def pipeline_folders() -> list[Path]:
    """Every folder that holds a pipeline.yml or, under the sources, a source.yml; one that stands in for another hides that."""
    known = settings.load()
    pipelines = [file.parent for file in known.sql.glob("*/*/pipeline.yml")]
    names = {file.parent.name for sources in (known.sql / "sources", known.sources) for file in sources.glob("*/source.yml")}
    return sorted(pipelines) + [known.source(name) for name in sorted(names)]


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
    from zoneinfo import ZoneInfo

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


def _read_landing_by_default(source: Pipeline) -> None:
    """A source's table that states no reads maps what landed under its own name, day by day."""
    from headline.specs.models import Window

    for name, table in source.tables.items():
        if not table.reads:
            table.reads[f"landing.{name}"] = Window()
            table._takes_over_landing = True


def _faults(pipeline: Pipeline) -> Iterator[str]:
    from graphlib import CycleError

    for table in pipeline.tables.values():
        for file in (table.sql_file, table.contract_file):
            if not file.is_file():
                yield f"tables.{table.name}: the folder has no {file.name}"
    if isinstance(pipeline, Source):
        for name, ingest in pipeline.ingest.items():
            for key, file_name in ingest.sql_files.items() if ingest.kind == "database" else ():
                if not (pipeline.folder / file_name).is_file():
                    yield f"ingest.{name}.{key}: the folder has no {file_name}"
                elif not is_within(pipeline.folder / file_name, pipeline.folder):
                    yield f"ingest.{name}.{key}: {file_name} is a link that leads out of the folder; put the file itself there"
            if ingest.kind == "files" and not ingest.tells_day:
                yield (
                    f"ingest.{name}.pattern: name the day as {{{{ ds }}}} in it, or the column that tells it under `day`; "
                    "a list that is replaced in place and tells of no day is `undated: true`"
                )
            if ingest.kind == "stream" and not STREAM_PATTERN.fullmatch(ingest.pattern):
                yield f"ingest.{name}.pattern: name folder and minute of arrival in it, like arrived=%Y-%m-%d/%H%M-*.jsonl.gz"
        for table in pipeline.tables.values():
            # A landed day is read as soon as it is there: nobody could wait for the days after the newest one.
            if ahead := [name for name, window in table.reads.items() if name.startswith("landing.") and window.lookahead_days]:
                yield (
                    f"tables.{table.name}.reads: {', '.join(ahead)}: lookahead_days is not possible, for a day would be "
                    "published before the days after it have landed. Where records of a day stand in the next day's file, name "
                    "the column that tells when they happened as `moment` of the ingest"
                )
    try:
        pipeline.ordered_tables  # noqa: B018 (sorting is the check)
    except CycleError as error:
        yield f"tables: they read each other in a circle: {' → '.join(error.args[1])}"


def _key(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "the file"


def _explain(fault: Any) -> str:
    if fault["type"] == "extra_forbidden":
        return "unknown key; see docs/pipelines.md for those that exist"
    return f"{fault['msg']} (found: {fault['input']!r})" if fault["type"] != "missing" else "is required"
