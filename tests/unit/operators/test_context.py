"""The days of a run are fixed when it is created: whenever and how often its tasks run, they are for the same days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pendulum
import pytest

from headline.errors import BadRequest
from headline.intervals import DAY, Interval
from headline.operators.context import requested
from headline.timetable import DailyTimetable

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
# At once, after midnight, retried next day, cleared after a week, and cleared after the clocks changed.
LATER = [timedelta(0), timedelta(minutes=2), timedelta(days=1), timedelta(days=7), timedelta(days=200)]
ZONES = ["UTC", "Asia/Tokyo", "America/New_York"]


def at(day: date, hour: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def context(
    interval: tuple[datetime, datetime] | None = None,
    run_after: datetime | None = None,
    first: str | None = None,
    last: str | None = None,
    run_type: str = "manual",
) -> Any:
    """As a task and a trigger see it: `first` and `last` are the form's fields."""
    start, end = interval or (None, None)
    dag_run = SimpleNamespace(
        run_id="r", run_type=run_type, data_interval_start=start, data_interval_end=end, run_after=run_after or at(D3)
    )
    return {"params": {"from": first, "to": last}, "dag_run": dag_run}


def days_whenever_it_runs(of: Any) -> Interval:
    """The days of a run, the same at every moment after its creation."""
    [days] = {requested(of, of["dag_run"].run_after + later) for later in LATER}
    return days


@pytest.fixture
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, forget_settings: Any) -> ZoneInfo:
    monkeypatch.setenv("HEADLINE_REPORTING_ZONE", request.param)
    forget_settings()
    return ZoneInfo(request.param)


@pytest.mark.parametrize("zone", ZONES, indirect=True)
@pytest.mark.parametrize("clock", [(0, 0, 0), (0, 0, 1), (2, 30, 0), (12, 0, 0), (23, 59, 59)])
# 8 March and 1 November 2026: New York's clocks change, so that the day has 23 or 25 hours.
@pytest.mark.parametrize("day", [date(2026, 3, 7), date(2026, 3, 8), date(2026, 3, 9), date(2026, 11, 1), date(2026, 11, 2)])
def test_a_run_that_somebody_triggers_is_for_the_day_before_it_was_created(
    zone: ZoneInfo, clock: tuple[int, int, int], day: date
) -> None:
    created = datetime(day.year, day.month, day.day, *clock, tzinfo=zone)
    assert days_whenever_it_runs(context(run_after=created.astimezone(UTC))) == Interval(day - DAY, day)


@pytest.mark.parametrize("zone", ZONES, indirect=True)
def test_a_scheduled_run_is_for_its_data_interval_across_every_change_of_the_clocks(zone: ZoneInfo) -> None:
    timetable = DailyTimetable(date(2025, 1, 1), zone.key)
    seen = 0
    for number in range(365):
        day = date(2025, 1, 1) + number * DAY
        start, end = (datetime(one.year, one.month, one.day, tzinfo=zone) for one in (day, day + DAY))
        for hours in (0, 1, 13, 22):
            moment = start + timedelta(hours=hours)
            info = timetable.infer_manual_data_interval(run_after=pendulum.instance(moment))
            assert (info.start, info.end) == (start, end)
        assert days_whenever_it_runs(context((info.start, info.end), run_after=info.end)) == Interval(day, day + DAY)
        seen += 1
    assert seen == 365


@pytest.mark.parametrize("zone", ["Europe/Berlin", *ZONES], indirect=True)
@pytest.mark.parametrize("form", ["UTC", "here"])
def test_an_interval_of_days_is_of_these_days_whether_it_is_told_in_utc_or_in_the_zone(zone: ZoneInfo, form: str) -> None:
    tz = UTC if form == "UTC" else zone
    start, end = (datetime(day.year, day.month, day.day, tzinfo=tz).astimezone(UTC) for day in (D1, D3))
    assert days_whenever_it_runs(context((start, end), run_after=at(D3, 16))) == Interval(D1, D3)


def test_an_interval_of_no_length_counts_as_none(forget_settings: Any) -> None:
    assert days_whenever_it_runs(context((at(D1), at(D1)), run_after=at(D3, 5))) == Interval(D2, D3)


def test_the_form_wins_over_the_interval(forget_settings: Any) -> None:
    assert days_whenever_it_runs(context((at(D2), at(D3)), first="2026-03-01", last="2026-03-02")) == Interval(D1, D3)
    assert days_whenever_it_runs(context(first="2026-03-01")) == Interval(D1, D2)


@pytest.mark.parametrize("days_ahead", [0, 1])
def test_an_open_day_is_refused(forget_settings: Any, days_ahead: int) -> None:
    now, ahead = at(D3, 12), D3 + days_ahead * DAY
    with pytest.raises(BadRequest, match="has not ended yet"):
        requested(context(first=str(D1), last=str(ahead)), now)
    with pytest.raises(BadRequest, match="has not ended yet"):
        requested(context((at(D3), at(ahead) + DAY)), now)


def test_a_day_before_all_data_is_refused_at_once(forget_settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HEADLINE_FIRST_DAY", str(D2))
    forget_settings()
    assert requested(context((at(D2), at(D3))), at(D3, 12)) == Interval(D2, D3)
    for refused in (context((at(D1), at(D2))), context(first=str(D1), last=str(D2))):
        with pytest.raises(BadRequest, match="2026-03-01 lies before 2026-03-02, the first day that there is data for"):
            requested(refused, at(D3, 12))


def test_a_backfill_has_one_pair_of_dates(forget_settings: Any) -> None:
    assert requested(context((at(D1), at(D2)), run_type="backfill"), at(D3, 12)) == Interval(D1, D2)
    for params in ({"first": str(D1)}, {"last": str(D2)}):
        with pytest.raises(BadRequest, match="leave the params «from» and «to» of the form empty"):
            requested(context((at(D1), at(D2)), run_type="backfill", **params), at(D3, 12))
