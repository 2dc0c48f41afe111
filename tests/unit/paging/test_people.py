"""Whom to tell, by the team's file as it is, and without it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headline import oncall
from headline.paging import people
from headline.paging.people import Everybody, Rota
from headline.specs import load, load_team

MONDAY = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize("area", sorted({pipeline.area for pipeline in load().pipelines.values()}))
def test_on_call_comes_first_and_then_the_owners(area: str) -> None:
    team, found = load_team(), people.load(MONDAY)
    assert isinstance(found, Rota)
    assert area in team.owners, "trouble of an area without owners would go to those of the alerts"
    for week in range(8):
        moment = MONDAY + timedelta(weeks=week)
        first, *others = found.chain(area, moment)
        assert (first.person, first.role) == (oncall.on_call(team, moment).engineer.id, "on call")
        rank = {"primary": 0, "secondary": 1}
        ranks = [rank[one.role] for one in others if one.role in rank]
        assert ranks == sorted(ranks)
        assert others, "somebody is left who can be told next"
        contact = team.engineer(first.person)
        assert (first.zone, first.email) == (contact.zone, contact.email)
    assert (found.delay(1), found.delay(2)) == (timedelta(minutes=30), timedelta(hours=4))


def test_on_leave_is_skipped() -> None:
    away = datetime(2027, 8, 4, 12, 0, tzinfo=UTC)
    assert "ines" not in [one.person for one in people.load(away).chain("core", away)]
    assert "ines" in [one.person for one in people.load(MONDAY).chain("core", MONDAY)]


def test_an_area_without_owners_goes_to_those_of_the_alerts() -> None:
    found = people.load(MONDAY)
    assert found.chain("marketing", MONDAY) == found.chain(people.ALERTS, MONDAY)


def test_without_a_readable_file_or_before_the_rota_everybody_is_told(
    tmp_path: Path, forget_settings: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(people.load(datetime(2020, 1, 1, tzinfo=UTC)), Everybody)
    monkeypatch.setenv("HEADLINE_INCLUDE", str(tmp_path))
    forget_settings()
    assert isinstance(people.load(MONDAY), Everybody)
    (tmp_path / "team.yml").write_text("engineers: []\n")
    assert isinstance(people.load(MONDAY), Everybody)
