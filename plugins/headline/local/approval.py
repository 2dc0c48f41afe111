"""Asking for figures to be issued, as whoever operates this installation does it from a shell."""

from __future__ import annotations

from datetime import date
from urllib.parse import quote

from headline.errors import BadRequest
from headline.intervals import DAY, Interval
from headline.local.home import Home
from headline.local.runs import airflow
from headline.local.screen import Screen
from headline.operators.asking import DAG_ID


def ask(month: str, pipeline: str, reason: str = "", *, leave_out: bool = False) -> str:
    """Start the run of approve_figures for a month, YYYY-MM; gives its id, and shows where it is decided."""
    days = days_of(month)
    asked = {"pipeline": pipeline, "from": str(days.start), "to": str(days.end - DAY)}
    conf: dict[str, object] = {**asked, "reason": reason or None, "leave_out": leave_out}
    with airflow() as api:
        run_id = str(api.trigger(DAG_ID, conf=conf)["dag_run_id"])
    url = f"{Home.current().environment()['AIRFLOW__API__BASE_URL']}/dags/{DAG_ID}/runs/{quote(run_id, safe='')}"
    Screen().say(f"somebody else decides it here: {url}")
    return run_id


def days_of(month: str) -> Interval:
    """The days of a month, YYYY-MM; raises BadRequest for what is none."""
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise BadRequest(f"{month!r} is no month: write it as YYYY-MM") from None
    return Interval(first, first + DAY).widen("month")
