"""The demo company's last closed month is issued by two people, and a late refund makes it move."""

from __future__ import annotations

import time
from contextlib import closing, suppress
from datetime import UTC, date, datetime
from decimal import Decimal

from headline.airflow_api import AirflowApi, Refused
from headline.demo.company import last_month
from headline.errors import BadRequest
from headline.intervals import DAY
from headline.ledger import IssuedFigures
from headline.local.home import Home
from headline.local.postgres import Postgres
from headline.local.screen import Screen
from headline.local.secrets import PEOPLE
from headline.local.setup import team
from headline.operators.asking import DAG_ID
from headline.operators.report import DAG_ID as REPORT
from headline.specs import reporting_pipelines

CHAIN = ("shop", "core_shop", "unit_profit", "investor_profit")
REFUND = Decimal(5000)
SECONDS = 180.0
ENDED = ("success", "failed")


def issue_last_month(home: Home, api: AirflowApi, screen: Screen) -> None:
    """The administrator asks for the complete periods of the last closed month, and an engineer of the team approves them.

    Again is safe: what was asked for is not asked for again. That something cannot be issued is told, and ends nothing.
    """
    days = last_month(datetime.now(UTC).date())
    wanted = {pipeline: f"issue__{pipeline}__{days.start:%Y-%m}" for pipeline in reporting_pipelines()}
    name, password = next(iter(team(home.secrets).items()), ("", ""))
    if not name:
        screen.say("no figures are issued: team.yml names no engineer who could approve them")
        return
    url = home.environment()["AIRFLOW__API__BASE_URL"]
    with screen.step(f"Figures of {days.start:%Y-%m} issued"), AirflowApi(url, name, password) as person:
        for pipeline, run_id in wanted.items():
            if api.run(DAG_ID, run_id) is None:
                conf = {"pipeline": pipeline, "from": str(days.start), "to": str(days.end - DAY), "leave_out": True}
                api.trigger(DAG_ID, run_id=run_id, conf=conf)
        deadline, states, seen = time.monotonic() + SECONDS, dict.fromkeys(wanted.values(), ""), set[str]()
        while waiting := [run_id for run_id, state in states.items() if state not in ENDED]:
            for run_id in waiting:
                states[run_id] = (api.run(DAG_ID, run_id) or {}).get("state", "")
                task = api.task_instance(DAG_ID, run_id, "approve")
                if not task or task["state"] != "awaiting_input":
                    continue
                if run_id in seen:  # an answer in the moment in which Airflow begins to wait may be lost
                    with suppress(Refused):  # answered already, and about to go on
                        person.answer(DAG_ID, run_id, "approve", "Approve")
                seen.add(run_id)
            if time.monotonic() > deadline:
                break
            time.sleep(1)
    if failed := [run_id for run_id, state in states.items() if state != "success"]:
        screen.say(f"not issued, see the log of approve_figures: {', '.join(failed)}")


def report_last_month(home: Home, api: AirflowApi, screen: Screen) -> None:
    """Have the month reported with what of it is issued, if that was not asked for before; nobody waits for it."""
    month = f"{last_month(datetime.now(UTC).date()).start:%Y-%m}"
    run_id = f"report__{month}"
    if api.run(REPORT, run_id) is None:
        api.trigger(REPORT, run_id=run_id, conf={"month": month, "leave_out": True})
    url = home.environment()["AIRFLOW__API__BASE_URL"]
    screen.say(f"Investor report of {month}: {url}/headline/reports; mail of the demo company: {home.path}/mail/new")


def refund_late() -> date:
    """Let the shop learn of a refund of 5,000 on the newest issued day, and give that day.

    Raises BadRequest where nothing is issued yet.
    """
    issued = IssuedFigures().most_recent(metric="daily_refunds")
    if not issued:
        raise BadRequest("no day of profit is issued yet: make run issues the last closed month of the demo company")
    day, name = issued[-1].start, f"LATE-{datetime.now(UTC):%Y%m%d%H%M%S}"
    with closing(Postgres(Home.current().postgres).connect("shop", "shop_owner")) as connection, connection.cursor() as cursor:
        cursor.execute("insert into refunds values (%s, null, null, %s, null, %s)", (name, f"{day} 12:00", REFUND))
    return day


def second_person() -> str:
    """Who can approve what the administrator asks for, and where their password is, in words."""
    home = Home.current()
    name = next(iter(team(home.secrets)), "nobody")
    return f"such as {name}, whose password is in {home.secrets.folder / PEOPLE / name}"
