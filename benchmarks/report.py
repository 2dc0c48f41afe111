"""What was measured, beside what must be paid anyway."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version

from rich.table import Table

from benchmarks.surroundings import Spent

PACKAGES = ("apache-airflow", "duckdb", "soda-core", "sqlglot")


class Report:
    """What was measured, line by line."""

    def __init__(self) -> None:
        self.table = Table(title="Headline beside what must be paid anyway", title_justify="left")
        for heading, justify in (
            ("what", "left"),
            ("measured", "right"),
            ("beside", "right"),
            ("ratio", "right"),
            ("budget", "left"),
        ):
            self.table.add_column(heading, justify=justify)  # type: ignore[arg-type]

    def add(self, what: str, measured: str, beside: str = "", ratio: float | None = None, budget: str = "") -> None:
        self.table.add_row(what, measured, beside, "" if ratio is None else f"{ratio:.2f}", budget)

    def section(self) -> None:
        self.table.add_section()


def compare(what: str, ours: Spent, raw: Spent, report: Report, budget: str) -> None:
    report.add(
        what, f"{ours.wall:.2f} s, CPU {ours.cpu:.2f}", f"raw {raw.wall:.2f} s, CPU {raw.cpu:.2f}", ours.cpu / raw.cpu, budget
    )
    for step, seconds in ours.steps.items():
        report.add(f"  {step}", f"{seconds:.2f} s")


def machine() -> str:
    """What all this was measured on, and how busy it was with other things at the end."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    return (
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, {memory:.0f} GB, Python {platform.python_version()}, {packages}"
    )
