"""Rules over the machinery: what may import what, what must stay light, and what never stands in a tracked file."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest
from tests.repository.written import ROOT

PACKAGE = ROOT / "plugins" / "headline"
# Folders, and the modules beside them: each imports only those of the lines before its own, and within its own.
ORDER = (
    "errors",
    "redaction",
    "show",
    "options",
    "settings",
    "environments",
    "connections",
    "intervals",
    "airflow_api",
    "space",
    "s3",
    "specs",
    "oncall",
    "sql",
    "ledger",
    "warehouse",
    "sources",
    "drift",
    "pipeline",
    "figures",
    "gaps",
    "backfill",
    "maintenance",
    "exports",
    "incidents",
    "paging",
    "report",
    "operators",
    "why",
    "runbooks",
    "rules",
    "new",
    "profile",
    "listings",
    "serving",
    "pages",
    "api",
    "timetable",
    "executor",
    "dag",
    "approvals",
    "operations",
    "backfill_dag",
    "export_dag",
    "report_dag",
    "demo",
    "local",
    "remote",
    "diff",
    "recovery",
    "cli",
)
# The ledger decides what is stale without an engine, and sources land without one: neither knows the warehouse.
FORBIDDEN = {("ledger", "warehouse"), ("sources", "warehouse"), ("demo", "pipeline"), ("demo", "operators")}
AIRFLOW_FREE = {
    "errors",
    "settings",
    "environments",
    "intervals",
    "redaction",
    "specs",
    "oncall",
    "sql",
    "warehouse",
    "ledger",
    "drift",
    "pipeline",
    "figures",
    "gaps",
    "backfill",
    "maintenance",
    "why",
    "runbooks",
    "rules",
    "new",
    "profile",
    "listings",
    "serving",
}
HEAVY = ("duckdb", "soda_core", "soda_duckdb", "sqlglot", "pandas", "pyarrow", "holidays", "icalendar")


MOST_LINES = 250


def part_of(module: str) -> str:
    return module.split(".")[1] if "." in module else ""


@cache
def imports(file: Path) -> tuple[str, ...]:
    """The module of every import, also of those for types alone and of those within functions."""
    return tuple(name for node in ast.walk(ast.parse(file.read_text())) for name in imported(node))


def imported(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, f"a relative import, line {node.lineno}: write out from where"
        yield from [f"headline.{alias.name}" for alias in node.names] if node.module == "headline" else [str(node.module)]


def parts(package: Path) -> Iterator[tuple[Path, str]]:
    """Every file below a package, with its folder, or the file's own name where it stands beside the folders."""
    for file in sorted(package.rglob("*.py")):
        if (part := file.relative_to(package).parts[0].removesuffix(".py")) != "__init__":
            yield file, part


def import_graph(package: Path) -> dict[str, set[str]]:
    """By folder, the other folders that it imports."""
    graph: dict[str, set[str]] = {}
    for file, part in parts(package):
        ours = {part_of(module) for module in imports(file) if module.startswith("headline.")}
        graph.setdefault(part, set()).update(ours - {part})
    return graph


def order_faults(package: Path) -> Iterator[str]:
    for file, part in parts(package):
        if part not in ORDER:
            yield f"{part} stands nowhere in the order"
            continue
        earlier = {part, *ORDER[: ORDER.index(part)]} - {other for one, other in FORBIDDEN if one == part}
        for module in imports(file):
            if module.startswith("headline.") and part_of(module) not in earlier:
                yield f"{file.relative_to(package)} imports {module}"
            if module.split(".")[0] == "airflow" and part in AIRFLOW_FREE:
                yield f"{file.relative_to(package)} knows Airflow"


def test_the_import_graph_of_folders_has_no_arrow_upwards_and_no_circle() -> None:
    graph = import_graph(PACKAGE)
    assert sum(map(len, graph.values())) > 150
    for part in ORDER:
        print(part, "→", ", ".join(sorted(graph.get(part, ()), key=ORDER.index)) or "nothing")  # shown by pytest -s
    assert list(order_faults(PACKAGE)) == []
    assert len(list(TopologicalSorter(graph).static_order())) == len(graph) == len(ORDER)


def test_a_circle_of_folders_is_caught(tmp_path: Path) -> None:
    for one, other in (("specs", "sql"), ("sql", "specs")):
        (tmp_path / one).mkdir()
        (tmp_path / one / "x.py").write_text(f"import headline.{other}")
    assert import_graph(tmp_path) == {"specs": {"sql"}, "sql": {"specs"}}
    assert list(order_faults(tmp_path)) == ["specs/x.py imports headline.sql"]
    with pytest.raises(CycleError):
        TopologicalSorter(import_graph(tmp_path)).prepare()


@pytest.mark.parametrize(
    ("file", "line", "fault"),
    [
        ("specs/x.py", "from headline.pipeline import audit", "specs/x.py imports headline.pipeline"),
        ("sql/x.py", "def f():\n    import headline.warehouse", "sql/x.py imports headline.warehouse"),
        ("ledger/x.py", "from headline import warehouse", "ledger/x.py imports headline.warehouse"),
        ("gaps/x.py", "from airflow.sdk import DAG", "gaps/x.py knows Airflow"),
        ("utils/x.py", "", "utils stands nowhere in the order"),
        ("sql/x.py", "if TYPE_CHECKING:\n    from headline.pipeline import audit", "sql/x.py imports headline.pipeline"),
    ],
)
def test_an_import_against_the_order_is_caught(tmp_path: Path, file: str, line: str, fault: str) -> None:
    (tmp_path / file).parent.mkdir()
    (tmp_path / file).write_text(line)
    assert list(order_faults(tmp_path)) == [fault]


def too_long(root: Path) -> list[str]:
    files = sorted(file for folder in ("plugins", "dags", "benchmarks") for file in (root / folder).rglob("*.py"))
    assert files
    counts = {file: len(file.read_text().splitlines()) for file in files}
    return [f"{file.relative_to(root)} has {count} lines" for file, count in counts.items() if count > MOST_LINES]


def test_every_file_is_short_enough_to_be_read_in_one_go() -> None:
    """A longer one has more than one job: give each a file of its own that its name tells."""
    assert too_long(ROOT) == []


def test_a_file_that_is_too_long_is_caught(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "enough.py").write_text("\n" * MOST_LINES)
    (tmp_path / "dags" / "long.py").write_text("\n" * (MOST_LINES + 1))
    assert too_long(tmp_path) == [f"dags/long.py has {MOST_LINES + 1} lines"]


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
