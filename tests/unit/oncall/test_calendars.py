"""Calendars, read back by icalendar, and the commands that print the rota."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from icalendar import Calendar
from tests.unit.oncall.teams import team_with

from headline import cli, oncall
from headline.specs.team import Team

FIRST, LAST = date(2027, 1, 1), date(2027, 12, 31)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
CALM = team_with(leaves={})


def events(team: Team, name: str, now: datetime = NOW) -> dict[str, Any]:
    content = Calendar.from_ical(oncall.calendars(team, FIRST, LAST, now)[name])
    found = {str(event["uid"]): event for event in content.walk("VEVENT")}
    assert len(found) == len(content.walk("VEVENT")), "each has a UID of its own"
    return found


def test_the_calendar_of_the_team_has_every_shift_and_sprint_of_the_year() -> None:
    found = events(CALM, "team")
    shifts = [shift for shift in oncall.calendar(CALM, FIRST, LAST) if shift.start.date() >= FIRST]
    duties = [duty for duty in oncall.sprints(CALM, FIRST, LAST) if duty.first >= FIRST]
    timed = sorted((event["dtstart"].dt, event["dtend"].dt) for event in found.values() if "transp" not in event)
    assert timed == [(shift.start, shift.end) for shift in shifts]
    assert all(start.tzinfo is UTC or start.utcoffset() == timedelta() for start, _ in timed)
    days = sorted((event["dtstart"].dt, event["dtend"].dt) for event in found.values() if "transp" in event)
    assert days == [(duty.first, duty.last + timedelta(days=1)) for duty in duties]
    summaries = {str(event["summary"]) for event in found.values()}
    assert any(summary.endswith(": on call, Christmas") for summary in summaries)
    assert {f"{engineer.name}: on call, weekday" for engineer in CALM.engineers} < summaries


def test_everybody_has_their_own_and_nothing_of_others() -> None:
    written = oncall.calendars(CALM, FIRST, LAST, NOW)
    assert set(written) == {"team", *(engineer.id for engineer in CALM.engineers)}
    own = [event for engineer in CALM.engineers for event in events(CALM, engineer.id).values()]
    assert len(own) == len(events(CALM, "team"))
    starts = {event["dtstart"].dt for event in events(CALM, "ines").values() if "transp" not in event}
    shifts = [shift for shift in oncall.calendar(CALM, FIRST, LAST) if shift.start.date() >= FIRST]
    assert starts == {shift.start for shift in shifts if shift.engineer.id == "ines"}


def test_what_is_read_once_more_updates_what_was_read_before() -> None:
    later = NOW + timedelta(days=1)
    assert set(events(CALM, "team")) == set(events(CALM, "team", later))
    planned = oncall.on_call(CALM, datetime(2027, 2, 17, 12, tzinfo=UTC))
    other = next(one for one in CALM.engineers if one != planned.engineer)
    entry = {"engineer": other.id, "start": planned.start, "end": planned.end, "reason": "is ill"}
    changed = events(team_with(leaves={}, overrides=[entry]), "team", later)
    uid = f"weekday-{planned.start:%Y%m%dT%H%MZ}-team@headline"
    assert str(events(CALM, "team")[uid]["summary"]).startswith(planned.engineer.name)
    assert str(changed[uid]["summary"]).startswith(other.name)
    assert str(changed[uid]["description"]) == f"Instead of {planned.engineer.name}"
    assert changed[uid]["dtstamp"].dt == later


@pytest.fixture
def headline(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["headline", *arguments])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        code = ended.value.code
        return (code if isinstance(code, int) else 0, *capsys.readouterr())

    return run


def test_the_rota_of_a_year_is_printed(headline: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = headline("rota", "--year", "2028")
    assert code == 0
    lines = [[cell.strip() for cell in line.split("│")] for line in out.splitlines() if "│" in line]
    weeks = [line for line in lines if line[1].startswith("20") and len(line) == 6]
    assert (len(weeks), weeks[0][1], weeks[-1][1]) == (53, "2027-12-27", "2028-12-25")
    assert sum(bool(line[4]) for line in weeks) == 27
    holidays = [line for line in lines if line[1].startswith("20") and len(line) == 8]
    assert len(holidays) == len(oncall.holidays(team_with(), date(2028, 1, 1), date(2028, 12, 31)))
    assert all(len({*line[3:7]}) == 4 for line in holidays), "three shifts and who is free"
    spread = [line for line in lines if line[1] == "spread"]
    assert len(spread) == 2
    assert all(float(value) <= 1 for value in spread[1][2:6]), "since the rota began"
    assert headline("rota", "--year", "2025")[0] == 0
    code, _, errors = headline("rota", "--year", "2024")
    assert code == 1
    assert "the rota begins on 2025-12-29" in errors


def test_calendars_are_written_into_a_folder(headline: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    code, out, _ = headline("rota", "--year", "2027", "--ics", str(tmp_path / "rota"))
    assert code == 0
    assert {Path(line).name for line in out.split()} == {"team.ics", "ines.ics", "jonas.ics", "sanne.ics", "aoife.ics"}
    for file in (tmp_path / "rota").iterdir():
        assert Calendar.from_ical(file.read_bytes()).walk("VEVENT")


def test_requests_become_work_or_tickets(headline: Callable[..., tuple[int, str, str]]) -> None:
    code, out, _ = headline("requests", "--points", "3 2 1.5 0.5", "--day", "2027-03-01")
    assert code == 0
    assert "takes requests from 2027-02-22 to 2027-03-05; of 6.0 points 0.5 are left" in out
    assert [line.split("│")[3].strip() for line in out.splitlines() if "│" in line] == ["taken", "taken", "ticket", "taken"]
    code, _, errors = headline("requests", "--points", "many")
    assert code == 1
    assert "points as numbers" in errors


def test_holidays_keep_their_names_in_the_calendar_of_one() -> None:
    summaries = {str(event["summary"]) for one in CALM.engineers for event in events(CALM, one.id).values()}
    assert {"On call, Christmas", "On call, King's Day"} <= summaries
