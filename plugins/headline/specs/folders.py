"""The folder of a pipeline or source: what its spec says, and what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from headline import settings
from headline.errors import SpecError
from headline.specs.files import read_yaml
from headline.specs.lenient import keys, understood
from headline.specs.models import Pipeline, Source, Table
from headline.specs.values import is_within
from headline.specs.window import Window

# A folder a day, so that a day is found without listing the others; in it files that begin with the minute of their arrival.
STREAM_PATTERN = re.compile(r"[^*]*%Y[^*]*%m[^*]*%d[^*/]*/%H%M[^*%/]*\*[^*%/]*")
# As Airflow parses DAGs, reading all of a file takes too long.
_LIMIT = re.compile(r"^\s+materiality:", re.MULTILINE)
# What stands in for a value that is missing or wrong while the rest of the file is looked at.
_PLACEHOLDERS: dict[str, Any] = {"description": "Not described yet.", "tier": 2, "lands_at": "23:59"}


def pipeline_folders() -> list[Path]:
    """Every folder that holds a pipeline.yml or, under the sources, a source.yml; one that stands in for another hides that."""
    known = settings.load()
    pipelines = [file.parent for file in known.sql.glob("*/*/pipeline.yml")]
    names = {file.parent.name for sources in (known.sql / "sources", known.sources) for file in sources.glob("*/source.yml")}
    return sorted(pipelines) + [known.source(name) for name in sorted(names)]


def reporting_pipelines() -> list[str]:
    """The ids of the pipelines that issue figures: those whose metrics.yml states the limit of one, whatever else it says."""
    return sorted(file.parent.name for file in settings.load().sql.glob("*/*/metrics.yml") if _LIMIT.search(file.read_text()))


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


def _read_landing_by_default(source: Pipeline) -> None:
    """A source's table that states no reads maps what landed under its own name, day by day."""
    for name, table in source.tables.items():
        if not table.reads:
            table.reads[f"landing.{name}"] = Window()
            table._takes_over_landing = True


def stand_in(folder: Path) -> Pipeline:
    """What a folder whose spec cannot be read seems to hold: a table for each SELECT with a contract beside it."""
    names = [file.stem for file in sorted(folder.glob("*.sql")) if (folder / f"{file.stem}.contract.yml").is_file()]
    model = Source if folder.parent.name == "sources" else Pipeline
    return placed(model.model_construct(**_PLACEHOLDERS, tables={name: Table() for name in names}), folder)


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
                    "the column with their time as `moment` of the ingest"
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
