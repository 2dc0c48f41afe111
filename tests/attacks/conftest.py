"""Writes the table of docs/security.md from the results of the attacks; `make attack` says so with HEADLINE_TEST_ATTACK_TABLE."""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.attacks.installation import eraser as eraser
from tests.attacks.installation import owner as owner
from tests.attacks.installation import shop
from tests.attacks.table import Attack, Section, commit, written
from tests.faults.conftest import empty, enter, finance, three_days
from tests.unit.conftest import once, project

__all__ = ["empty", "enter", "finance", "once", "project", "shop", "three_days"]

HERE = Path(__file__).parent
_attacks: dict[str, Attack] = {}
_results: dict[str, Counter[str]] = defaultdict(Counter)
_reasons: dict[str, str] = {}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Remember every attack before any is deselected; the cases of a test are one."""
    for item in items:
        if item.path.parent == HERE and isinstance(item, pytest.Function):
            name = item.nodeid.partition("[")[0]
            _attacks.setdefault(name, Attack.of(item.path.name, item.originalname, item.function.__doc__))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    name = report.nodeid.partition("[")[0]
    if name in _attacks and (report.when == "call" or not report.passed):
        _results[name][report.outcome] += 1
        if report.skipped and isinstance(report.longrepr, tuple):
            _reasons[name] = report.longrepr[2].removeprefix("Skipped: ")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Replace the sections of the files whose attacks ran; those of others stay as they are."""
    file = os.environ.get("HEADLINE_TEST_ATTACK_TABLE")
    if not file or not _results or hasattr(session.config, "workerinput"):
        return
    sections = {}
    for name in {attack.file for nodeid, attack in _attacks.items() if _results[nodeid]}:
        attacks = [
            (attack, _results[nodeid], _reasons.get(nodeid, "")) for nodeid, attack in _attacks.items() if attack.file == name
        ]
        sections[name] = Section.of(HERE / name, attacks, datetime.now(UTC).date(), commit()).text
    document = Path(file)
    document.write_text(written(document.read_text(), sections))
