"""What was measured and compared, tool by tool."""

from __future__ import annotations

import os
import platform
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from statistics import median
from typing import Any

from rich.table import Table

from benchmarks.peers.models import Model, sides

TOOLS = {
    "raw": "raw SELECTs",
    "headline": "Headline",
    "dbt": "dbt-core",
    "sqlmesh": "SQLMesh",
    "dbt-bare": "dbt-core without checks",
    "sqlmesh-bare": "SQLMesh without checks",
}
BARE = "-bare"


@dataclass(frozen=True)
class Measured:
    """What one tool's process cost, with what it reports besides; `whole` is its time on the wall, start and imports included."""

    wall: float
    cpu: float
    whole: float
    report: dict[str, Any]


class Report:
    """What was measured and compared, as one table and a few lines."""

    def __init__(self, tools: Sequence[str]) -> None:
        self._tools = tools
        self._measured: dict[str, dict[str, list[Measured]]] = defaultdict(lambda: defaultdict(list))
        self._rows: dict[str, str] = {}
        self._sizes: list[str] = []
        self.different: list[str] = []

    def add(self, what: str, tool: str, measured: Measured) -> None:
        self._measured[what][tool].append(measured)

    def compared(self, what: str, count: int, found: list[str]) -> None:
        self._rows[what] = f"{len(found)} differences" if found else f"equal in {count} tables"
        self.different += [f"{what}: {one}" for one in found]

    def sized(self, chosen: Sequence[Model]) -> None:
        self._sizes.append(f"{len(chosen)} SELECTs, {len(dict(sides(chosen)))} tables")

    def table(self) -> Table:
        """A line for the time on the wall and one for CPU of everything that was measured, each beside the raw SELECTs."""
        table = Table(title="Headline beside dbt-core and SQLMesh", title_justify="left")
        table.add_column("what")
        for tool in self._tools:
            table.add_column(TOOLS[tool], justify="right")
        table.add_column("rows")
        for what, by_tool in self._measured.items():
            for unit in ("wall", "cpu"):
                values = {tool: median(getattr(one, unit) for one in found) for tool, found in by_tool.items()}
                cells = [_cell(values[tool], values.get("raw") if tool != "raw" else None) for tool in self._tools]
                is_wall = unit == "wall"
                table.add_row(what if is_wall else "  CPU", *cells, self._rows.get(what, "") if is_wall else "")
            table.add_section()
        return table

    def notes(self) -> list[str]:
        """Sizes, checks, what was not counted, versions and the machine; the differences last."""
        first = next(iter(self._measured.values()))
        counts = [f"{what} {len(next(iter(found.values())))}" for what, found in self._measured.items()]
        checks = {tool: _checks(found[-1].report) for tool, found in first.items() if tool != "raw"}
        around = {tool: f"{median(one.whole - one.wall for one in found):.1f} s" for tool, found in first.items()}
        reports = {tool: [one.report for by in self._measured.values() for one in by[tool]] for tool in first}
        peaks = {tool: f"{max(report['peak'] for report in found):.0f} MB" for tool, found in reports.items()}
        versions = {tool: _versions(found[-1].report.get("versions", {})) for tool, found in first.items() if BARE not in tool}
        packages = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "soda-core", "sqlglot"))
        return [
            f"How often: {', '.join(counts)}. {'; '.join(dict.fromkeys(self._sizes))}.",
            f"Checks in a run: {_listed(checks)}.",
            f"Start, imports and export, not counted above: {_listed(around)}.",
            f"Most memory: {_listed(peaks)}.",
            f"{packages}; {_listed({tool: text for tool, text in versions.items() if text})}.",
            "Raw, dbt-core and SQLMesh compute with a new day the days before it that `reads` says it can change.",
            "SQLMesh runs on our DuckDB, which is newer than what it asks for.",
            f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}.",
            *self.different,
        ]


def _listed(by_tool: dict[str, str]) -> str:
    return ", ".join(f"{TOOLS[tool]} {value}" for tool, value in by_tool.items())


def _checks(report: dict[str, Any]) -> str:
    audits = report.get("statements")
    return f"{report['checks']}" + (f" in {audits} audits" if audits else "")


def _versions(packages: dict[str, str]) -> str:
    return f"({', '.join(f'{name} {number}' for name, number in packages.items())})" if packages else ""


def _cell(value: float, beside: float | None) -> str:
    ratio = f" ({value / beside:.1f} ×)" if beside else ""
    return f"{value:.2f} s{ratio}"
