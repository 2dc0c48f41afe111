"""Pipelines and tables that are new: their files, their line in a DAG file, their entry in pipeline.yml."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from headline import settings
from headline.errors import BadRequest
from headline.new.draft import Draft, rendered
from headline.new.figures import Figure, figure, made_up_rows
from headline.new.golden import add_expected, add_given, case_folder
from headline.new.names import require_pipeline, require_place
from headline.new.runbooks import renew
from headline.rules.fault import shown
from headline.rules.folders import dags_folder
from headline.specs import Catalog, Pipeline, load_pipeline, load_understood
from headline.specs.files import parse_yaml

# How long after the last of its inputs a new pipeline is due.
AFTER_INPUTS = timedelta(minutes=15)


def begin_pipeline(place: str, table: str, source: str, by: list[str], sums: list[str], count: str) -> list[Draft]:
    """Write a pipeline with one table, and give back what was written and changed."""
    catalog = load_understood()
    area, name = require_place(place, catalog)
    made = figure(catalog, (area, table), source, by, sums, count)
    folder = settings.load().sql / area / name
    inputs = [catalog.makers[read] for read in made.reads if read in catalog.makers]
    last = max(datetime.combine(date.min, one.lands_at, UTC) for one in inputs)
    draft = Draft()
    values = made.values | {"tier": max(2, *(one.tier for one in inputs)), "lands_at": f"{last + AFTER_INPUTS:%H:%M}"}
    draft.add(folder / "pipeline.yml", "pipeline.yml", **values)
    _add_table(draft, folder, made)
    add_dag(draft, area, name)
    return _write(draft, folder, made)


def begin_table(place: str, table: str, source: str, by: list[str], sums: list[str], count: str) -> list[Draft]:
    """Write one more table of a pipeline that is there, and give back what was written and changed."""
    catalog = load_understood()
    pipeline = require_pipeline(place, catalog)
    if pipeline.area == "sources":
        raise BadRequest(f"{place} is a source, whose tables map what it sends: headline profile <file> writes a first one")
    made = figure(catalog, (pipeline.area, table), source, by, sums, count)
    _require_earlier_inputs(pipeline, made, catalog)
    spec, draft = pipeline.folder / "pipeline.yml", Draft()
    draft.change(spec, with_entry(spec, rendered("entry.yml", **made.values)))
    _add_table(draft, pipeline.folder, made)
    return _write(draft, pipeline.folder, made)


def add_dag(draft: Draft, area: str, name: str) -> None:
    """The line that makes a DAG of a folder, in the file of its area."""
    file = dags_folder() / f"{area}.py"
    line = f'{name} = pipeline_dag("{area}/{name}")\n'
    if not file.exists():
        draft.new[file] = rendered("dag.py", area=area) + line
        return
    text = file.read_text()
    if "from headline.dag import pipeline_dag" not in text:
        raise BadRequest(f"{shown(file)} does not import pipeline_dag from headline.dag: add that line first")
    draft.change(file, text.rstrip("\n") + f"\n{line}")


def with_entry(spec: Path, entry: str) -> str:
    """The text of a pipeline.yml with one more table at the end of `tables`; comments and order stay as they are."""
    lines = spec.read_text().splitlines(keepends=True)
    try:
        begin = next(
            number for number, line in enumerate(lines) if line.startswith("tables:") and not line[7:].split("#")[0].strip()
        )
    except StopIteration:
        raise BadRequest(
            f"{shown(spec)}: write `tables:` as a block, a table a line below it; then a table can be added"
        ) from None
    below = [number for number, line in enumerate(lines) if number > begin and line.strip() and not line[0].isspace()]
    end = min((number for number in below if not lines[number].startswith("#")), default=len(lines))
    text = "".join(lines[:end]).rstrip("\n") + "\n" + entry + "".join(lines[end:])
    before, after = parse_yaml("".join(lines), spec), parse_yaml(text, spec)
    added = after["tables"].keys() - before["tables"].keys()
    if len(added) != 1 or {**after, "tables": {}} != {**before, "tables": {}}:
        raise BadRequest(f"{shown(spec)}: its tables are indented otherwise; add the entry by hand:\n{entry}")
    return text


def _require_earlier_inputs(pipeline: Pipeline, made: Figure, catalog: Catalog) -> None:
    """A pipeline waits for all that any of its tables reads, so that it cannot read what comes after itself."""
    for read in made.reads:
        maker = catalog.makers.get(read)
        if maker and maker.id != pipeline.id and (maker.lands_at >= pipeline.lands_at or maker.tier > pipeline.tier):
            raise BadRequest(
                f"{pipeline.id} lands by {pipeline.lands_at:%H:%M} as tier {pipeline.tier}, and {read} comes from {maker.id} "
                f"({maker.lands_at:%H:%M}, tier {maker.tier}): begin a pipeline of its own for it"
            )


def _add_table(draft: Draft, folder: Path, made: Figure) -> None:
    draft.add(folder / f"{made.name}.sql", "table.sql", **made.values)
    draft.add(folder / f"{made.name}.contract.yml", "table.contract.yml", **made.values)
    add_given(draft, case_folder(made.area, folder.name, made.name), made_up_rows(made))


def _write(draft: Draft, folder: Path, made: Figure) -> list[Draft]:
    draft.write()
    case, expected = case_folder(made.area, folder.name, made.name), Draft()
    catalog = load_understood()
    add_expected(expected, case, catalog, load_pipeline(folder).tables[made.name])
    expected.write()
    return [draft, expected, renew()]
