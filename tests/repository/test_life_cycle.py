"""What people ask for and what is retired: files that are read whole, and that say nothing of what is otherwise."""

from __future__ import annotations

from tests.repository.written import ROOT

from headline import specs
from headline.specs.graveyard import graveyard_faults, read_graveyard
from headline.specs.requests import FOLDER, load_requests


def test_requests_are_understood() -> None:
    assert ROOT / "docs" / "requests" == FOLDER
    assert [request.name for request in load_requests()] == sorted(file.stem for file in FOLDER.glob("*.yml"))
    assert not [file.name for file in FOLDER.iterdir() if file.suffix != ".yml"]


def test_the_graveyard_holds_nothing_that_is_in_use() -> None:
    assert (ROOT / "include" / "graveyard.yml").is_file()
    assert list(graveyard_faults(read_graveyard(), specs.load())) == []
