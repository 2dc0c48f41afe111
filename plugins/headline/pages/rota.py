"""The rota: who is on call when, and who takes requests, a month at a time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from fastapi import APIRouter, HTTPException
from fastapi.responses import HTMLResponse

from headline.pages.render import page

router = APIRouter()


@router.get("/rota")
def rota(month: str | None = None) -> HTMLResponse:
    """Everybody's shifts in a month, YYYY-MM; of this month if none is named. Whoever is logged in may know whom to call."""
    from headline.oncall import calendar, sprints
    from headline.specs import load_team

    now = datetime.now(UTC)
    try:
        first = date.fromisoformat(f"{month}-01") if month else now.date().replace(day=1)
    except ValueError:
        raise HTTPException(400, f"{month!r} is no month: write it as YYYY-MM") from None
    after = (first + timedelta(days=32)).replace(day=1)
    team, last = load_team(), after - timedelta(days=1)
    before = (first - timedelta(days=1)).replace(day=1)
    shifts, duties = calendar(team, first, last), sprints(team, first, last)
    return page("rota.html", shifts=shifts, duties=duties, month=first, before=before, after=after, now=now)
