"""What attacks are made on: the throw-away repository of the unit tests, with three days published."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from tests.unit.conftest import Project

from headline import specs

D1, D2, D3, D4 = (date(2026, 3, day) for day in range(1, 5))


@pytest.fixture
def shop(project: Project) -> Project:
    """Three days of a shop's orders are published; the fourth has landed."""
    project.arrive({D1: [("a", "1.00")], D2: [("b", "10.00"), ("x", "-1.00")], D3: [("c", "100.00")]})
    for name in ("shop", "core_shop"):
        project.publish(name, D1, D3)
    project.arrive({D4: [("d", "1000.00")]})
    return project


def contents(project: Project) -> dict[str, list[Any]]:
    """Every published row, by table."""
    names = [output for table in specs.load().tables.values() for output in table.outputs]
    return {name: project.query(f"select * from {name} order by all") for name in names}
