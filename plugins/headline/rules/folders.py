"""Rules over a folder: everything in it is used, everything that is needed is there, and it fits to the others."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from headline import settings
from headline.rules.metrics import metrics_are_defined
from headline.rules.unwritten import unwritten_lines
from headline.specs import Catalog, Pipeline, Source, load_team, pipeline_folders, read_contract
from headline.specs.metrics import read_metrics

_COMPARED_BY_HAND = re.compile(r"[<>]=?\s*(date|timestamp|timestamptz)?\s*'?\{\{\s*(start|end)\b", re.IGNORECASE)


def dag_calls(file: Path) -> dict[str, str]:
    """The names that a DAG file gives to the folders it loads."""
    found = {}
    for node in ast.parse(file.read_text()).body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id=name)],
                value=ast.Call(func=ast.Name(id="pipeline_dag"), args=[ast.Constant(value=str(path))]),
            ):
                found[name] = path
    return found


def dags_folder() -> Path:
    """Where DAG files are: beside `include`."""
    return settings.load().include.parent / "dags"


def files_belong_to_tables(pipeline: Pipeline, catalog: Catalog) -> Iterator[str]:  # noqa: ARG001 (as all rules)
    """Files that belong to no table, and landings that nobody reads."""
    used = {"pipeline.yml", "source.yml", "metrics.yml", "RUNBOOK.md"}
    used |= {f"{name}.chart.yml" for name in read_metrics(pipeline)[0].metrics}
    for table in pipeline.tables.values():
        used |= {table.sql_file.name, table.contract_file.name}
        contract, _ = read_contract(table)
        used |= {file.name for file in contract.sql_files.values()} if contract else set()
    if isinstance(pipeline, Source):
        used |= {file for ingest in pipeline.ingest.values() if ingest.kind == "database" for file in ingest.sql_files.values()}
        used_landings = {read for table in pipeline.tables.values() for read in table.reads}
        yield from (f"ingest.{name}: no table reads it" for name in pipeline.ingest if f"landing.{name}" not in used_landings)
    yield from (f"{file.name} belongs to no table" for file in sorted(pipeline.folder.iterdir()) if file.name not in used)


def nothing_is_left_to_write(pipeline: Pipeline, catalog: Catalog) -> Iterator[str]:  # noqa: ARG001 (as all rules)
    """What `headline new` and `headline profile` could not know, and marked."""
    for file in sorted(pipeline.folder.iterdir()):
        if file.is_file():
            yield from (f"{pipeline.area}/{pipeline.id}/{file.name}: {line}" for line in unwritten_lines(file))


def extracts_take_rows_without_a_day_along(pipeline: Pipeline, catalog: Catalog) -> Iterator[str]:  # noqa: ARG001 (as all rules)
    """A moment that is compared by hand loses the rows that have none, and nobody is told."""
    databases = [one for one in pipeline.ingest.values() if one.kind == "database"] if isinstance(pipeline, Source) else []
    for name in sorted({one.extract for one in databases}):
        file = pipeline.folder / name
        if file.is_file() and _COMPARED_BY_HAND.search(file.read_text()):
            yield (
                f"{name}: compares with {{{{ start }}}} or {{{{ end }}}}, and a row without a moment would be lost unseen; write "
                "`where {{ in_interval('<moment>') }}`, and the day as `{{ business_day('<moment>') }} as ds` "
                "(macros/extract.jinja)"
            )


def refusals_are_counted(pipeline: Pipeline, catalog: Catalog) -> Iterator[str]:  # noqa: ARG001 (as all rules)
    """Who refuses rows of a day says how much of it is left, in a table of its own, and when that is too little."""
    refusing = [table for table in pipeline.tables.values() if table.quarantine and table.period != "all"]
    contracts = [(table, read_contract(table)[0]) for table in pipeline.tables.values()]
    counted = {name for table, contract in contracts if contract and "coverage" in contract.column_names for name in table.reads}
    yield from (f"no table with a coverage reads {one.quarantine_name}" for one in refusing if one.quarantine_name not in counted)
    if refusing and "coverage" not in pipeline.model_fields_set:
        yield "does not state from which coverage a day is complete, and from which partial"


def reads_exist(pipeline: Pipeline, catalog: Catalog) -> Iterator[str]:
    yield from catalog.wrong_reads(pipeline)


def names_are_free(pipeline: Pipeline, catalog: Catalog) -> Iterator[str]:
    """A folder's name is a DAG id; a table's name is a place in the warehouse."""
    for folder in pipeline_folders():
        if folder.name == pipeline.id and folder.resolve() != pipeline.folder.resolve():
            yield f"the id {pipeline.id} is taken by {folder.parent.name}/{folder.name}; folder names are DAG ids"
    for other in catalog.pipelines.values():
        if other.id != pipeline.id:
            yield from (f"{name} is made by {other.id} too; rename one of them" for name in pipeline.names if name in other.names)


def it_lands_after_its_inputs(pipeline: Pipeline, catalog: Catalog) -> Iterator[str]:
    makers = catalog.makers
    for maker in {makers[read].id: makers[read] for read in pipeline.inputs if read in makers}.values():
        if maker.lands_at >= pipeline.lands_at:
            yield f"lands_at: is {pipeline.lands_at:%H:%M}, no later than {maker.id} ({maker.lands_at:%H:%M}), which it reads"
        if maker.tier > pipeline.tier:
            yield f"tier: is {pipeline.tier}, but {maker.id}, which it reads, matters less ({maker.tier})"


def columns_have_one_type(pipeline: Pipeline, catalog: Catalog) -> Iterator[str]:
    """A column has the same type wherever it stands."""
    elsewhere: dict[str, tuple[str, str]] = {}
    for other in catalog.tables.values():
        if other.full_name not in pipeline.outputs and (contract := read_contract(other)[0]):
            for column in contract.columns:
                elsewhere.setdefault(column.name, (column.sql_type, other.full_name))
    for table in pipeline.tables.values():
        contract = read_contract(table)[0]
        for column in contract.columns if contract else ():
            kind, where = elsewhere.setdefault(column.name, (column.sql_type, table.full_name))
            if kind != column.sql_type:
                yield f"{table.full_name}: {column.name} is {column.sql_type}, but {kind} in {where}"


def somebody_owns_it(pipeline: Pipeline, catalog: Catalog) -> Iterator[str]:  # noqa: ARG001 (as all rules)
    if pipeline.area not in load_team().owners:
        yield f"nobody owns the area {pipeline.area}: add owners.{pipeline.area} to include/team.yml"


def a_dag_file_loads_it(pipeline: Pipeline, catalog: Catalog) -> Iterator[str]:  # noqa: ARG001 (as all rules)
    """In the file of its area, under its own name: one word to search for everywhere."""
    path, file = f"{pipeline.area}/{pipeline.id}", f"dags/{pipeline.area}.py"
    for known in sorted(dags_folder().glob("*.py")):
        for name, loaded in dag_calls(known).items():
            if loaded == path and (name != pipeline.id or known.name != f"{pipeline.area}.py"):
                yield f'dags/{known.name} calls it {name}: write {pipeline.id} = pipeline_dag("{path}") in {file}'
            if loaded == path:
                return
    yield f'no DAG file loads it: write {pipeline.id} = pipeline_dag("{path}") in {file}'


FolderRule = Callable[[Pipeline, Catalog], Iterator[str]]
RULES: tuple[FolderRule, ...] = (
    files_belong_to_tables,
    nothing_is_left_to_write,
    extracts_take_rows_without_a_day_along,
    refusals_are_counted,
    reads_exist,
    names_are_free,
    it_lands_after_its_inputs,
    columns_have_one_type,
    metrics_are_defined,
    somebody_owns_it,
    a_dag_file_loads_it,
)
