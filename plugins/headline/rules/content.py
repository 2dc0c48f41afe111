"""What the rules say of one folder: its spec, its tables, its golden cases and its runbook."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from headline import settings
from headline.errors import SpecError
from headline.rules import folders, golden, tables
from headline.rules.fault import Fault, faults_of, shown
from headline.rules.unwritten import unwritten_lines
from headline.rules.written import Written, read_table
from headline.runbooks import faults as runbook_faults
from headline.specs import Catalog, Pipeline, read_pipeline, stand_in


def content_faults(folder: Path, catalog: Catalog) -> Iterator[Fault]:
    """Every fault of a folder but those of style; `catalog` is what stands in all folders."""
    pipeline, faults = read_pipeline(folder)
    spec = folder / ("source.yml" if folder.parent.name == "sources" else "pipeline.yml")
    yield from faults_of(spec, faults)
    if pipeline is None:
        unknown = stand_in(folder)
        for table in unknown.tables.values():
            yield from _table_faults(
                read_table(catalog, unknown, table),
                ((table.sql_file, tables.SQL_ALONE), (table.contract_file, tables.CONTRACT_ALONE)),
            )
        return
    catalog = Catalog({**catalog.pipelines, pipeline.id: pipeline})
    for rule in folders.RULES:
        yield from faults_of(spec, _collected(rule(pipeline, catalog)))
    for table in pipeline.tables.values():
        files = ((spec, tables.SPEC_RULES), (table.sql_file, tables.SQL_RULES), (table.contract_file, tables.CONTRACT_RULES))
        yield from _table_faults(read_table(catalog, pipeline, table), files)
    if not folder.resolve().is_relative_to(settings.load().sql.resolve()):
        return  # of what stands in for a source the original has golden cases and a runbook, which tell of other files
    yield from _golden_faults(pipeline, catalog)
    if not any(folders.somebody_owns_it(pipeline, catalog)):
        yield from faults_of(pipeline.runbook_file, _collected(runbook_faults(pipeline, catalog)))


def _table_faults(written: Written, files: Iterable[tuple[Path, Sequence[tables.Rule]]]) -> Iterator[Fault]:
    for file, rules in files:
        for rule in rules:
            yield from faults_of(file, _collected(rule(written)))


def _golden_faults(pipeline: Pipeline, catalog: Catalog) -> Iterator[Fault]:
    place = golden.cases_folder() / pipeline.area / pipeline.id
    for name, cases in golden.cases_of(pipeline).items():
        table = pipeline.tables.get(name)
        if table is None:
            yield Fault(shown(place / name), "belongs to no table")
        elif not cases:
            yield Fault(shown(place / name), "has no golden case: make <case>/expect.yml and <case>/given/<schema.table>.yml")
            yield from faults_of(table.sql_file, golden.binding_faults(catalog, table))
        for case in cases if table else ():
            yield from faults_of(case / "expect.yml", golden.case_faults(catalog, pipeline.tables[name], case))
            yield from (Fault(shown(file), line) for file in sorted(case.rglob("*.yml")) for line in unwritten_lines(file))


def _collected(faults: Iterator[str]) -> Iterator[str]:
    """The faults of a rule, and where it needs what cannot be read, why."""
    try:
        yield from faults
    except SpecError as error:
        yield from error.faults
