"""Rules over the machinery: what may import what, what must stay light, and what never stands in a tracked file."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
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


def imports(file: Path) -> Iterator[tuple[str, bool]]:
    """(module, whether it is imported with the file) of every import; those for types alone do not count."""
    tree = ast.parse(file.read_text())
    for_types = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for child in ast.walk(node)
    }
    inside = {
        child for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node not in inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"headline.{alias.name}" for alias in node.names] if node.module == "headline" else [node.module]
            yield from ((name, node not in inside) for name in names)


def layer_faults(package: Path) -> Iterator[str]:
    rank = {part: number for number, layer in enumerate(LAYERS) for part in layer}
    for file in sorted(package.rglob("*.py")):
        part = file.relative_to(package).parts[0].removesuffix(".py")
        if part == "__init__":
            continue
        if part not in rank:
            yield f"{part} stands in no layer"
            continue
        for module, _ in imports(file):
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


def loaded_heavies(*files: Path) -> set[str]:
    """Which of the heavy packages are there once Airflow would have parsed these files, and were not before."""
    script = (
        "import runpy, sys, airflow.sdk\n"
        "before = set(sys.modules)\n"
        "for file in sys.argv[1:]: runpy.run_path(file)\n"
        "print(*{name.split('.')[0] for name in set(sys.modules) - before})"
    )
    command = [sys.executable, "-c", script, *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT / "plugins")
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split()) & set(HEAVY)


def test_airflow_parses_nothing_heavy(tmp_path: Path) -> None:
    """It parses the DAG file again for every task, and soda alone takes a second."""
    files = [*sorted((ROOT / "dags").glob("*.py")), ROOT / "plugins" / "headline_plugin.py"]
    parts = tmp_path / "parts.py"
    parts.write_text("import headline.dag, headline.specs, headline.operators\n")
    assert len(files) >= 4
    assert loaded_heavies(parts, *files) == set()


def test_a_heavy_import_is_caught(tmp_path: Path) -> None:
    file = tmp_path / "dag.py"
    file.write_text("import headline.sql\n")
    assert loaded_heavies(file) == {"sqlglot"}


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
