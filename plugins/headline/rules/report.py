"""All that is wrong with a folder, at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from headline import settings
from headline.errors import BadRequest, SpecError
from headline.rules import folders, golden, style, tables
from headline.rules.written import Written, read_table
from headline.runbooks import faults as runbook_faults
from headline.specs import Catalog, Pipeline, load_understood, pipeline_folders, read_pipeline


class Fault(NamedTuple):
    """One fault: the file that is to be edited, relative to the repository, and what is wrong."""

    file: str
    text: str


def find_folders(name: str | None) -> list[Path]:
    """The folder called `<area>/<pipeline>` (or by its path), or all; raises BadRequest where there is none."""
    if name is None:
        return pipeline_folders()
    known = settings.load()
    parts = Path(name).parts[-2:]
    folder = known.source(parts[-1]) if parts[0] == "sources" else known.sql.joinpath(*parts)
    if len(parts) < 2 or not folder.is_dir():
        there = ", ".join(f"{one.parent.name}/{one.name}" for one in pipeline_folders())
        raise BadRequest(f"include/sql has no folder {name}; there are: {there}")
    return [folder]


def check_folder(folder: Path, catalog: Catalog | None = None) -> list[Fault]:
    """Every fault of a folder, each once, in the order of the files; `catalog` is what stands in all folders."""
    catalog = catalog or load_understood()
    found: list[Fault] = []
    with ExitStack() as stack:
        sql_files = sorted(folder.glob("*.sql"))
        styles = stack.enter_context(style.sql_style(sql_files)) if style.is_installed() else {}
        found += _content_faults(folder, catalog)
        found += _yaml_style_faults(folder)
    found += [Fault(_shown(file), text) for file, lines in styles.items() for text in lines]
    return sorted(dict.fromkeys(found), key=lambda fault: _position(fault, folder))


def _content_faults(folder: Path, catalog: Catalog) -> Iterator[Fault]:
    pipeline, faults = read_pipeline(folder)
    spec = folder / ("source.yml" if folder.parent.name == "sources" else "pipeline.yml")
    yield from _faults(spec, faults)
    if pipeline is None:
        return
    catalog = Catalog({**catalog.pipelines, pipeline.id: pipeline})
    for rule in folders.RULES:
        yield from _faults(spec, _collected(rule(pipeline, catalog)))
    for table in pipeline.tables.values():
        yield from _table_faults(read_table(catalog, pipeline, table), spec)
    yield from _golden_faults(pipeline, catalog)
    if not any(folders.somebody_owns_it(pipeline, catalog)):
        yield from _faults(pipeline.runbook_file, _collected(runbook_faults(pipeline, catalog)))


def _table_faults(written: Written, spec: Path) -> Iterator[Fault]:
    table = written.table
    for file, rules in (
        (spec, tables.SPEC_RULES),
        (table.sql_file, tables.SQL_RULES),
        (table.contract_file, tables.CONTRACT_RULES),
    ):
        for rule in rules:
            yield from _faults(file, _collected(rule(written)))


def _golden_faults(pipeline: Pipeline, catalog: Catalog) -> Iterator[Fault]:
    place = golden.cases_folder() / pipeline.area / pipeline.id
    for name, cases in golden.cases_of(pipeline).items():
        table = pipeline.tables.get(name)
        if table is None:
            yield Fault(_shown(place / name), "belongs to no table")
        elif not cases:
            yield Fault(_shown(place / name), "has no golden case: make <case>/expect.yml and <case>/given/<schema.table>.yml")
            yield from _faults(table.sql_file, golden.binding_faults(catalog, table))
        for case in cases if table else ():
            yield from _faults(case / "expect.yml", golden.case_faults(catalog, table, case)) if table else ()


def _yaml_style_faults(folder: Path) -> Iterator[Fault]:
    if style.is_installed():
        for file in sorted(folder.glob("*.yml")):
            yield from _faults(file, style.yaml_style(file))


def _collected(faults: Iterator[str]) -> Iterator[str]:
    """The faults of a rule, and where it needs what cannot be read, why."""
    try:
        yield from faults
    except SpecError as error:
        yield from error.faults


def _faults(file: Path, texts: Iterable[str]) -> Iterator[Fault]:
    """The texts as faults of a file; one that names another file of the folder is that file's."""
    for text in texts:
        named, _, rest = text.partition(": ")
        other = file.parent / Path(named).name
        if "/" in named and other.parent.name == Path(named).parent.name and other.is_file():
            yield Fault(_shown(other), rest)
        else:
            yield Fault(_shown(file), text)


def _position(fault: Fault, folder: Path) -> tuple[bool, bool, str]:
    """The spec first, golden cases last."""
    is_case = not fault.file.startswith(_shown(folder))
    return is_case, not fault.file.endswith(("pipeline.yml", "source.yml")), fault.file


def _shown(file: Path) -> str:
    root = settings.load().include.parent
    return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)
