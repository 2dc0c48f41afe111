"""Every table has golden cases, and a golden case that is wrong is caught."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from headline.rules.unwritten import unwritten_lines
from headline.specs import Pipeline, Table, load

ROOT = Path(__file__).parents[2]
CASES = ROOT / "tests" / "sql"
TABLES = [(pipeline, table) for pipeline in load().pipelines.values() for table in pipeline.tables.values()]


@pytest.mark.parametrize(("pipeline", "table"), TABLES, ids=lambda part: part.full_name if isinstance(part, Table) else "")
def test_every_table_has_a_golden_case(pipeline: Pipeline, table: Table) -> None:
    assert list(CASES.glob(f"{pipeline.area}/{pipeline.id}/{table.name}/*/expect.yml"))


def test_every_case_belongs_to_a_table() -> None:
    known = {f"{pipeline.area}/{pipeline.id}/{table.name}" for pipeline, table in TABLES}
    found = [file.parents[1].relative_to(CASES).as_posix() for file in CASES.glob("**/expect.yml")]
    assert found
    assert set(found) <= known


def test_nothing_of_a_case_is_left_to_write() -> None:
    assert [f"{file}: {line}" for file in CASES.rglob("*.yml") for line in unwritten_lines(file)] == []


def test_a_wrong_case_is_caught(tmp_path: Path) -> None:
    """Beside the same case as it should be."""
    table, name = CASES / "profit/unit_profit/expense_allocation", "largest_remainder_with_ties"
    for copy in ("right", "wrong"):
        shutil.copytree(table / name, tmp_path / table.relative_to(CASES) / copy)
    shutil.copy(CASES / "conftest.py", tmp_path)
    expect = tmp_path / table.relative_to(CASES) / "wrong" / "expect.yml"
    expect.write_text(expect.read_text().replace('amount: "3.34"', 'amount: "3.33"'))
    found = _run(tmp_path)
    assert "1 failed, 1 passed" in found
    assert re.search("^FAILED .*wrong", found, re.MULTILINE)


def _run(folder: Path) -> str:
    options = ["-q", "-p", "no:cacheprovider", f"--rootdir={folder}", "-c/dev/null", str(folder)]
    paths = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # tests share helpers
    command = [sys.executable, "-m", "pytest", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT / "plugins", env=paths).stdout
