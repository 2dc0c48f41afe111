"""Golden cases: every folder with an expect.yml tests one table's SELECT, so a new case needs no Python.

What a case is stands in headline/rules/golden.py; `headline check` runs those of one pipeline.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headline.rules.golden import case_faults
from headline.specs import load


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    return ExpectFile.from_parent(parent, path=file_path) if file_path.name == "expect.yml" else None


class ExpectFile(pytest.File):
    def collect(self) -> Iterator[pytest.Item]:
        yield GoldenCase.from_parent(self, name=self.path.parent.name)


class GoldenCase(pytest.Item):
    """The table and its pipeline are told by the folders above the case."""

    def runtest(self) -> None:
        catalog, case = load(), self.path.parent
        table = catalog.pipelines[case.parents[1].name].tables[case.parent.name]
        if faults := case_faults(catalog, table, case):
            raise MismatchError("\n".join(faults))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        return str(excinfo.value) if isinstance(excinfo.value, MismatchError) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, str(self.path.parent)


class MismatchError(AssertionError):
    """The SELECT gave other rows than the case expects."""
