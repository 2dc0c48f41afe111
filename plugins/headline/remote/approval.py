"""Asking for figures to be issued, and letting the demo company learn of what would restate them."""

from __future__ import annotations

from datetime import date
from urllib.parse import quote

from headline.errors import BadRequest, HeadlineError
from headline.intervals import DAY, Interval
from headline.ledger import FigureRequests
from headline.local import demo_figures
from headline.local.screen import Screen
from headline.operators.asking import DAG_ID
from headline.remote import runs
from headline.remote.client import airflow


def ask(month: str, pipeline: str, reason: str = "", *, leave_out: bool = False) -> str:
    """Start the run of approve_figures for a month, YYYY-MM, in your name; gives its id, and shows where it is decided."""
    days = days_of(month)
    asked = {"pipeline": pipeline, "from": str(days.start), "to": str(days.end - DAY)}
    conf: dict[str, object] = {**asked, "reason": reason or None, "leave_out": leave_out}
    with airflow("an issue of figures") as api:
        run_id = str(api.trigger(DAG_ID, conf=conf)["dag_run_id"])
        Screen().say(f"somebody else decides it here: {api.url}/dags/{DAG_ID}/runs/{quote(run_id, safe='')}")
    return run_id


def days_of(month: str) -> Interval:
    """The days of a month, YYYY-MM; raises BadRequest for what is none."""
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise BadRequest(f"{month!r} is no month: write it as YYYY-MM") from None
    return Interval(first, first + DAY).widen("month")


def restate() -> None:
    """Let the demo company's shop learn of a refund of 5,000 on an issued day, and run what follows: the last run is held back.

    Raises BadRequest where nothing is issued yet.
    """
    screen, day = Screen(), demo_figures.refund_late()
    screen.say(f"a refund of {demo_figures.REFUND:,} of {day} has come late")
    try:
        runs.trigger(demo_figures.CHAIN, day, day)
    except HeadlineError as error:
        waiting = FigureRequests().all(waiting=True)
        if not waiting:
            raise
        screen.say(str(error).splitlines()[0])
        screen.say(f"request {waiting[0].id} waits for a second person in {DAG_ID}; {demo_figures.second_person()}")
        screen.say(f"headline figures request {waiting[0].id} shows what would move")
