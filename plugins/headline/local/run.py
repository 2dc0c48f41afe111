"""The main job: sources to figures through Airflow's own scheduler, for the demo company or for an example."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from tempfile import TemporaryFile
from zoneinfo import ZoneInfo

from headline.airflow_api import AirflowApi
from headline.connections import variable
from headline.errors import HeadlineError
from headline.intervals import DAY
from headline.local import dag_files, environment
from headline.local.demo_figures import issue_last_month, report_last_month
from headline.local.figures import audits, figures, open_figures
from headline.local.health import AIRFLOW
from headline.local.home import Home, chosen_in_shell
from headline.local.job import WAIVING, Watched, start_day, start_range, start_waiving, wait_for_dags, watch
from headline.local.lifecycle import WITH_DEMO, start
from headline.local.postgres import Postgres
from headline.local.processes import Processes
from headline.local.screen import Screen
from headline.local.setup import open_home, prepare_airflow
from headline.local.told import process_environment

DAYS = 60
# The demo company's sources are filled over it.
SHOP_OWNER = "headline_shop_owner"
MAIL, SENDER = variable("headline_email"), "headline@demo.example.com"


@dataclass(frozen=True)
class Job:
    """Which DAGs compute which days: all from `first` to `last` in one ranged run each, then `day` as an ordinary run.

    `accept`: why the unusual figures that the ranged runs find are right. What a first run finds, a second one waives.
    """

    first: date
    last: date
    day: date | None = None
    dags: Sequence[str] = field(default_factory=dag_files.of_pipelines)
    processes: Sequence[str] = AIRFLOW
    choices: Mapping[str, str] = field(default_factory=chosen_in_shell)
    demo_days: int = 0
    accept: str | None = None


def demo(home: Home | None = None, screen: Screen | None = None) -> None:
    """Run the main job on the demo company: its last 60 days as a range, then yesterday."""
    zone = ZoneInfo(os.environ.get("HEADLINE_REPORTING_ZONE", "UTC"))
    home = home or Home.current()
    job = demo_job(datetime.now(zone).date())
    # A home that is run again weeks later keeps its older days.
    first_day = {"HEADLINE_FIRST_DAY": home.environment().get("HEADLINE_FIRST_DAY", str(job.first))}
    run(home, replace(job, choices=first_day | mail_server(home) | chosen_in_shell()), screen or Screen())


def mail_server(home: Home) -> dict[str, str]:
    """The connection by which alerts and reports are mailed to the demo company, where nobody has named a server of mail."""
    known = environment.kept(home.environment(), chosen_in_shell())
    if (found := known.get(MAIL)) and SENDER not in found:
        return {}
    extra = {"from_email": SENDER, "disable_ssl": True, "disable_tls": True}
    port = int(known["HEADLINE_MAIL_PORT"])
    return {MAIL: json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": port, "extra": extra})}


def demo_job(today: date) -> Job:
    """The demo company's last 60 days and yesterday."""
    yesterday = today - DAY
    return Job(first=yesterday - DAYS * DAY, last=yesterday - DAY, day=yesterday, processes=WITH_DEMO, demo_days=DAYS + 1)


def run(home: Home, job: Job, screen: Screen) -> None:
    """Set up, start, compute and show the figures. Again is safe: what has succeeded is not computed again.

    Raises HeadlineError when a run fails, with the task, the end of its log, and where the log is.
    """
    with home.starting():
        variables = open_home(home, screen, job.processes, job.choices)
        with demo_being_filled(home, variables, job, screen):
            prepare_airflow(process_environment(variables, home), Postgres(home.postgres), screen)
            start(home, variables, job.processes, screen)
    with AirflowApi.of(variables) as api:
        compute(api, job, variables["HEADLINE_REPORTING_ZONE"], screen, home)
        if job.day and job.demo_days:
            issue_last_month(home, api, screen)
            report_last_month(home, api, screen)
    shown = figures(job.dags, job.first, job.day or job.last, variables["HEADLINE_REPORTING_CURRENCY"])
    for result in (*shown, audits(), home.login):
        screen.console.print()
        screen.console.print(result)


def compute(api: AirflowApi, job: Job, zone: str, screen: Screen, home: Home | None = None) -> None:
    """Have Airflow run the job's DAGs and wait for them; `home`: of its processes, None where they are elsewhere.

    Raises HeadlineError when a run fails.
    """
    operations = dag_files.of_operations()
    with screen.step("DAGs loaded"):
        wait_for_dags(api, (*job.dags, *operations), Processes(home).patience("dag-processor") if home else None)
    for dag_id in job.dags:
        api.unpause(dag_id)
    runs = [start_range(api, dag_id, job.first, job.last) for dag_id in job.dags]
    watch(home, api, f"{job.first} to {job.last}", runs, screen, lambda run: waiving(api, job, run, screen))
    if job.day:
        runs = [start_day(api, dag_id, job.day, zone) for dag_id in job.dags]
        watch(home, api, str(job.day), runs, screen)
        for dag_id in operations:
            api.unpause(dag_id)


def waiving(api: AirflowApi, job: Job, failed: Watched, screen: Screen) -> Watched | None:
    """The run that waives what a failed one has found unusual; None where there is nothing to waive, or no reason to."""
    if not job.accept or WAIVING in failed.run_id:
        return None
    found = open_figures([failed.dag_id], job.first, job.last)
    for figure in found:
        screen.say(f"waived: {figure} ({job.accept})")
    return start_waiving(api, failed.dag_id, job.first, job.last, job.accept, found) if found else None


@contextmanager
def demo_being_filled(home: Home, environment: Mapping[str, str], job: Job, screen: Screen) -> Iterator[None]:
    """Let the demo company's shop and data share have its days up to the last one of the job, while Airflow starts."""
    if not job.demo_days:
        yield
        return
    last = job.day or job.last
    owner = variable(SHOP_OWNER), home.lent(Postgres(home.postgres).socket)[SHOP_OWNER]
    variables = process_environment({**environment, owner[0]: owner[1]}, home)
    command = [sys.executable, "-m", "headline.demo", "fill", "--days", str(job.demo_days), "--last", str(last)]
    with (
        TemporaryFile("w+") as errors,
        subprocess.Popen(command, env=variables, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=errors) as filling,
    ):
        try:
            yield
        except BaseException:
            filling.kill()
            raise
        with screen.step("Demo company's sources"):
            if filling.wait():
                errors.seek(0)
                raise HeadlineError(f"the demo company's sources could not be filled:\n{errors.read()[-3000:]}")
