"""Requests as files: what is refused, how they rank, what conflicts, and in which sprint each is met."""

from __future__ import annotations

import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.oncall.teams import team_with

from headline import cli
from headline.errors import SpecError
from headline.oncall.requests import RequestPlan, plan_requests, ranked
from headline.specs.requests import FOLDER, FiledRequest, load_requests

CALM = team_with(leaves={})
MONDAY = date(2027, 2, 8)  # a sprint without a public holiday begins
GOOD: dict[str, Any] = {
    "need": "Margins by supplier, monthly.",
    "owner": "Head of purchasing",
    "asked_on": date(2027, 1, 4),
    "impact": 3,
    "effort": 2,
    "status": "open",
}


def filed(folder: Path, **requests: dict[str, Any]) -> list[FiledRequest]:
    for name, changes in requests.items():
        (folder / f"{name}.yml").write_text(yaml.safe_dump(GOOD | changes))
    return load_requests(folder)


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"priority": 1}, "requests/margins.yml: priority: Extra inputs are not permitted"),
        ({"impact": 6}, "requests/margins.yml: impact: Input should be less than or equal to 5"),
        ({"effort": 0}, "requests/margins.yml: effort: Input should be greater than 0"),
        ({"status": "soon"}, "requests/margins.yml: status: Input should be 'open'"),
        ({"conflicts": ["rebates"]}, "requests/margins.yml: conflicts: there is no request rebates; there are: margins"),
        ({"conflicts": ["margins"]}, "requests/margins.yml: conflicts: a request does not conflict with itself"),
    ],
)
def test_what_is_wrong_is_told_with_file_and_key(tmp_path: Path, changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(SpecError) as caught:
        filed(tmp_path, margins=changes)
    assert complaint in str(caught.value)


def test_every_fault_of_every_file_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "empty.yml").write_text("need: Too little.")
    (tmp_path / "broken.yml").write_text("need: [")
    with pytest.raises(SpecError) as caught:
        filed(tmp_path, margins={"colour": "red"})
    told = str(caught.value)
    assert "empty.yml: owner: Field required" in told
    assert "broken.yml: not valid YAML" in told
    assert "margins.yml: colour" in told


def test_impact_per_point_decides_and_of_equals_age(tmp_path: Path) -> None:
    requests = filed(
        tmp_path,
        cheap={"effort": 1},
        later={"asked_on": date(2027, 1, 5)},
        older={"asked_on": date(2027, 1, 3)},
        grand={"impact": 5, "effort": 10},
    )
    assert [one.name for one in ranked(requests)] == ["cheap", "older", "later", "grand"]


def planned(plan: RequestPlan) -> list[list[str]]:
    return [[one.name for one in phase.taken] for phase in plan.phases]


def test_sprints_are_filled_one_after_the_other_within_their_budget(tmp_path: Path) -> None:
    requests = filed(
        tmp_path,
        a={"impact": 5, "effort": 4},
        b={"impact": 3, "effort": 3},
        c={"impact": 1, "effort": 2},
        d={"effort": 7},
        e={"effort": 1, "status": "done"},
        f={"effort": 1, "status": "declined"},
        g={"effort": 1, "status": "ticket"},
    )
    plan = plan_requests(CALM, requests, MONDAY)
    assert planned(plan) == [["a", "c"], ["b"]]
    assert [(phase.duty.budget, phase.left) for phase in plan.phases] == [(Decimal(6), 0), (Decimal(6), 3)]
    assert plan.tickets == {"d"}
    assert [plan.outcome(name) for name in "abd"] == ["sprint of 2027-02-08", "sprint of 2027-02-22", "ticket for new work"]


def test_what_somebody_is_at_comes_first(tmp_path: Path) -> None:
    requests = filed(tmp_path, better={"impact": 5, "effort": 4}, begun={"impact": 1, "effort": 4, "status": "taken"})
    assert planned(plan_requests(CALM, requests, MONDAY)) == [["begun"], ["better"]]


def test_a_sprint_with_somebody_away_takes_less(tmp_path: Path) -> None:
    away = team_with(leaves={"jonas": [(MONDAY, date(2027, 2, 19))]})
    requests = filed(tmp_path, big={"impact": 5, "effort": 5}, small={"effort": 4})
    assert planned(plan_requests(away, requests, MONDAY)) == [["small"], ["big"]]


@pytest.mark.parametrize(("status", "is_decided"), [("open", False), ("done", False), ("declined", True)])
def test_the_lower_of_two_that_conflict_waits_for_a_decision(tmp_path: Path, status: str, is_decided: bool) -> None:
    requests = filed(tmp_path, gross={"impact": 5, "conflicts": ["net"], "status": status}, net={})
    plan = plan_requests(CALM, requests, MONDAY)
    assert plan.undecided == ({} if is_decided else {"net": ["gross"]})
    told = "sprint of 2027-02-08" if is_decided else "decide first: conflicts with gross"
    assert plan.outcome("net") == told


def test_the_requests_of_the_repository_are_planned(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["headline", "requests", "--day", "2026-11-23"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    out = capsys.readouterr().out
    assert not ended.value.code
    assert len(load_requests(FOLDER)) >= 4
    assert all(one.name in out for one in load_requests(FOLDER))
    assert "decide first: conflicts with profit_by_discount" in out
    assert "ticket for new work" in out
