"""Rules over the machinery: what may import what, what must stay light, and what never stands in a tracked file."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest
from tests.repository.written import ROOT

PACKAGE = ROOT / "plugins" / "headline"
# Each imports only those of the lines before its own, and within its own.
LAYERS = [
    {"errors", "settings", "connections", "intervals", "airflow_api", "show", "redaction", "space"},
    {"specs"},
    {"oncall"},
    {"sql"},
    {"ledger"},
    {"warehouse"},
    {"sources"},
    {"drift"},
    {"pipeline"},
    {"gaps"},
    {"maintenance"},
    {"incidents"},
    {"paging"},
    {"operators"},
    {"why"},
    {"runbooks"},
    {"rules"},
    {"new"},
    {"profile"},
    {"pages"},
    {"timetable", "executor"},
    {"dag"},
    {"operations"},
    {"demo"},
    {"local"},
    {"recovery"},
    {"cli"},
]
# The ledger decides what is stale without an engine, and sources land without one: neither knows the warehouse.
FORBIDDEN = {("ledger", "warehouse"), ("sources", "warehouse"), ("demo", "pipeline"), ("demo", "operators")}
AIRFLOW_FREE = {
    "errors",
    "settings",
    "intervals",
    "redaction",
    "specs",
    "oncall",
    "sql",
    "warehouse",
    "ledger",
    "drift",
    "pipeline",
    "gaps",
    "maintenance",
    "why",
    "runbooks",
    "rules",
    "new",
    "profile",
}
HEAVY = ("duckdb", "soda_core", "soda_duckdb", "sqlglot", "pandas", "pyarrow", "holidays", "icalendar")


def part_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@cache
def imports(file: Path) -> tuple[str, ...]:
    """The module of every import; those for types alone do not count."""
    return tuple(imported(ast.parse(file.read_text())))


def imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module:
        yield from [f"headline.{alias.name}" for alias in node.names] if node.module == "headline" else [node.module]
    elif isinstance(node, ast.expr) or (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
        return
    for child in ast.iter_child_nodes(node):
        yield from imported(child)


def layer_faults(package: Path) -> Iterator[str]:
    rank = {part: number for number, layer in enumerate(LAYERS) for part in layer}
    for file in sorted(package.rglob("*.py")):
        part = file.relative_to(package).parts[0].removesuffix(".py")
        if part == "__init__":
            continue
        if part not in rank:
            yield f"{part} stands in no layer"
            continue
        for module in imports(file):
            if module.startswith("headline."):
                other = part_of(module)
                if rank.get(other, 99) > rank[part] or (part, other) in FORBIDDEN:
                    yield f"{file.relative_to(package)} imports {module}"
            if module.split(".")[0] == "airflow" and part in AIRFLOW_FREE:
                yield f"{file.relative_to(package)} knows Airflow"


def test_folders_import_only_those_before_them() -> None:
    assert sum(1 for file in PACKAGE.rglob("*.py") for _ in imports(file)) > 200
    assert list(layer_faults(PACKAGE)) == []


@pytest.mark.parametrize(
    ("file", "line", "fault"),
    [
        ("specs/x.py", "from headline.pipeline import audit", "specs/x.py imports headline.pipeline"),
        ("sql/x.py", "def f():\n    import headline.warehouse", "sql/x.py imports headline.warehouse"),
        ("ledger/x.py", "from headline import warehouse", "ledger/x.py imports headline.warehouse"),
        ("gaps/x.py", "from airflow.sdk import DAG", "gaps/x.py knows Airflow"),
        ("utils/x.py", "", "utils stands in no layer"),
    ],
)
def test_an_import_against_the_order_is_caught(tmp_path: Path, file: str, line: str, fault: str) -> None:
    (tmp_path / file).parent.mkdir()
    (tmp_path / file).write_text(line)
    assert list(layer_faults(tmp_path)) == [fault]


def test_types_alone_may_be_of_anywhere(tmp_path: Path) -> None:
    (tmp_path / "sql").mkdir()
    (tmp_path / "sql" / "x.py").write_text("if TYPE_CHECKING:\n    from headline.pipeline import audit\n")
    assert list(layer_faults(tmp_path)) == []


# Airflow is loaded once, then for each argument, some files, a process is forked.
PARSING = """
import os, runpy, sys, airflow.sdk
before = set(sys.modules)
for files in sys.argv[1:]:
    if not os.fork():
        for file in files.splitlines():
            runpy.run_path(file)
        print("loaded:", *{name.split(".")[0] for name in set(sys.modules) - before}, flush=True)
        os._exit(0)
    if os.wait()[1]:
        sys.exit(f"cannot be loaded: {files}")
"""


def loaded_heavies(*groups: Sequence[Path]) -> list[set[str]]:
    """Which of the heavy packages are there once Airflow would have parsed these files, and were not before; by group."""
    command = [sys.executable, "-c", PARSING, *("\n".join(map(str, files)) for files in groups)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT / "plugins")
    assert done.returncode == 0, done.stderr
    return [set(line.split()) & set(HEAVY) for line in done.stdout.splitlines() if line.startswith("loaded:")]


def test_airflow_parses_nothing_heavy_and_what_is_would_be_caught(tmp_path: Path) -> None:
    """It parses the DAG file again for every task, and soda alone takes a second."""
    files = [*sorted((ROOT / "dags").glob("*.py")), ROOT / "plugins" / "headline_plugin.py"]
    parts, heavy = tmp_path / "parts.py", tmp_path / "heavy.py"
    parts.write_text("import headline.dag, headline.specs, headline.operators\n")
    heavy.write_text("import headline.sql\n")
    assert len(files) >= 4
    assert loaded_heavies([parts, *files], [heavy]) == [set(), {"sqlglot"}]


# A path of somebody's machine, and a place that packages come from: both belong into the environment, not into the repository.
NEVER = {
    "a path of one machine": re.compile(r"(?<![\w.~$})/-])/(?:home|root|Users|work|mnt|private|Volumes)/\w"),
    "a registry": re.compile(
        r"index-url|--index|find-links|registry=|://[\w.:@-]*(?:pypi|npmjs|artifactory|nexus|jfrog|devpi|registry)[\w.-]*",
        re.IGNORECASE,
    ),
}


def unwanted(name: str, text: str) -> list[str]:
    lines = enumerate(text.splitlines(), start=1)
    return [
        f"{name}:{number}: {what}: {line.strip()[:80]}"
        for number, line in lines
        for what, pattern in NEVER.items()
        if pattern.search(line)
    ]


def test_no_file_knows_one_machine_or_registry() -> None:
    tracked = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True, cwd=ROOT).stdout.splitlines()
    texts = {
        name: (ROOT / name).read_bytes()
        for name in tracked
        if (ROOT / name).is_file() and name != Path(__file__).relative_to(ROOT).as_posix()
    }
    readable = {name: content.decode() for name, content in texts.items() if b"\0" not in content}
    assert len(readable) > 100
    assert [fault for name, text in readable.items() for fault in unwanted(name, text)] == []


@pytest.mark.parametrize(
    "line",
    [
        "home = '/home/ada/headline'",
        "cd /" + "work/project",
        "pip install --index-url https://packages.example.com/simple x",
        "url = https://registry.example.com/npm/",
        "https://" + "pypi" + ".org/simple",
    ],
)
def test_a_line_that_knows_one_machine_is_caught(line: str) -> None:
    assert unwanted("x", line)


@pytest.mark.parametrize(
    "line", ["file:///data", "GET /runbooks/shop", "$HOME" + "/work" + "/x", "see docs/home/x.md", "a/b/root" + "/c"]
)
def test_other_lines_are_let_through(line: str) -> None:
    assert unwanted("x", line) == []
