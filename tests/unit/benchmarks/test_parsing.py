"""The cost of a pipeline does not grow with how many there are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from benchmarks import parsing

from headline.specs import load_pipeline


def test_more_pipelines_cost_no_more_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parsing, "SIZES", (5, 25))
    monkeypatch.setattr(parsing, "TRIES", 1)
    found = parsing.milliseconds_by_size()
    assert list(found) == [5, 25]
    assert 0 < found[25] < found[5]  # all imports are paid once


def test_generated_pipelines_are_sound(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    """A faulty one would be cheaper: it has one task that only fails."""
    file = parsing.generate(tmp_path, 20)
    monkeypatch.setenv("HEADLINE_INCLUDE", str(tmp_path / "include"))
    forget_settings()
    folders = sorted((tmp_path / "include/sql").glob("*/*/"))
    loaded = {load_pipeline(folder).id for folder in folders if folder.parent.name != "macros"}
    assert len(loaded) == 20
    assert all(f"/{name}')" in file.read_text() for name in loaded)
