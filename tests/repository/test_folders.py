"""Rules over folders: everything that is there is used, and everything that is needed is there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.repository.written import ROOT, folders

from headline.specs import Pipeline, Source, load_contract, load_pipeline

FOLDERS = folders()


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


def folder_faults(folder: Path) -> Iterator[str]:
    """Files that belong to no table, and landings that nobody reads."""
    pipeline = load_pipeline(folder)
    used = {"pipeline.yml", "source.yml", "RUNBOOK.md"}
    for table in pipeline.tables.values():
        used |= {table.sql_file.name, table.contract_file.name}
    if isinstance(pipeline, Source):
        used |= {ingest.extract for ingest in pipeline.ingest.values() if ingest.kind == "database"}
        used_landings = {read for table in pipeline.tables.values() for read in table.reads}
        yield from (f"ingest.{name}: no table reads it" for name in pipeline.ingest if f"landing.{name}" not in used_landings)
    yield from (f"{file.name} belongs to no table" for file in sorted(folder.iterdir()) if file.name not in used)


def coverage_faults(pipeline: Pipeline) -> Iterator[str]:
    """Who refuses rows of a day says how much of it is left, in a table of its own, and when that is too little."""
    refusing = [table for table in pipeline.tables.values() if table.quarantine and table.period != "all"]
    counting = [table for table in pipeline.tables.values() if "coverage" in load_contract(table).column_names]
    counted = {name for table in counting for name in table.reads}
    yield from (f"no table with a coverage reads {one.quarantine_name}" for one in refusing if one.quarantine_name not in counted)
    if refusing and "coverage" not in pipeline.model_fields_set:
        yield "does not state from which coverage a day is complete, and from which partial"


def test_every_folder_is_loaded_by_a_dag_file_under_its_own_name() -> None:
    loaded = {name: path for file in sorted((ROOT / "dags").glob("*.py")) for name, path in dag_calls(file).items()}
    assert len(FOLDERS) >= 6
    assert {folder.name: f"{folder.parent.name}/{folder.name}" for folder in FOLDERS} == loaded


def test_a_dag_file_names_the_areas_folders() -> None:
    """Only what looks after the others has no folder."""
    for file in (ROOT / "dags").glob("*.py"):
        assert {path.split("/")[0] for path in dag_calls(file).values()} == {file.stem} - {"operations"}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_folders_hold_what_they_need_and_no_more(folder: Path) -> None:
    assert list(folder_faults(folder)) == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_who_refuses_rows_tells_the_coverage(folder: Path) -> None:
    assert list(coverage_faults(load_pipeline(folder))) == []


def test_refusing_without_telling_is_caught() -> None:
    pipeline = load_pipeline(ROOT / "include/sql/core/core_shop")
    quiet = {name: table for name, table in pipeline.tables.items() if name != "shop_coverage"}
    assert list(coverage_faults(pipeline.model_copy(update={"tables": quiet}))) == [
        "no table with a coverage reads quarantine.order_lines",
        "no table with a coverage reads quarantine.refund_lines",
    ]
    pipeline.model_fields_set.remove("coverage")
    assert list(coverage_faults(pipeline)) == ["does not state from which coverage a day is complete, and from which partial"]


def test_no_folder_lacks_its_spec() -> None:
    areas = [area for area in (ROOT / "include/sql").iterdir() if area.is_dir() and area.name not in ("macros", "checks")]
    assert {folder for area in areas for folder in area.iterdir()} == set(FOLDERS)


def test_a_broken_folder_is_caught(tmp_path: Path) -> None:
    folder = tmp_path / "core" / "core_finance"
    folder.mkdir(parents=True)
    for file in (ROOT / "include/sql/core/core_finance").iterdir():
        (folder / file.name).write_text(file.read_text())
    assert list(folder_faults(folder)) == []
    (folder / "expense.sql").write_text("select 1 as a")
    assert list(folder_faults(folder)) == ["expense.sql belongs to no table"]


def test_a_dag_under_another_name_is_seen(tmp_path: Path) -> None:
    file = tmp_path / "core.py"
    file.write_text('from headline.dag import pipeline_dag\n\nshop = pipeline_dag("core/core_shop")\n')
    assert dag_calls(file) == {"shop": "core/core_shop"}
