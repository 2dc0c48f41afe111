"""Runs of several DAGs as one piece of work: started together or found again, watched until they end."""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
from rich.live import Live
from rich.table import Table
from rich.text import Text

from headline.airflow_api import AirflowApi, Refused
from headline.errors import HeadlineError
from headline.local.home import Home
from headline.local.patience import Patience
from headline.local.processes import Processes
from headline.local.screen import Screen

TIME_TO_LOAD = 90.0
TIME_TO_ANSWER = 180.0
WAIVING = "waiving"
COLORS = {"success": "green", "failed": "red", "running": "cyan", "up_for_retry": "yellow"}


@dataclass
class Watched:
    """One DAG run and how far it is."""

    dag_id: str
    run_id: str
    state: str = "queued"
    seconds: float = 0.0
    tasks: Counter[str] = field(default_factory=Counter)
    at_work: list[str] = field(default_factory=list)

    @property
    def done(self) -> int:
        return self.tasks["success"] + self.tasks["skipped"]

    def look(self, api: AirflowApi) -> None:
        run = api.run(self.dag_id, self.run_id)
        if run is None:
            raise HeadlineError(f"{self.dag_id}: the run {self.run_id} was deleted while it was watched")
        instances = api.task_instances(self.dag_id, self.run_id)
        self.state = run["state"]
        self.seconds = seconds_between(run["start_date"], run["end_date"])
        self.tasks = Counter(instance["state"] or "none" for instance in instances)
        self.at_work = [
            f"{instance['task_id']}{' (will be tried again)' if instance['state'] == 'up_for_retry' else ''}"
            for instance in instances
            if instance["state"] in ("running", "up_for_retry", "deferred")
        ]


def wait_for_dags(api: AirflowApi, dag_ids: Sequence[str], patience: Patience | None = None) -> None:
    """Wait until Airflow has loaded the DAGs; raises HeadlineError with the errors of the files that do not load.

    `patience`: with the process that loads them; None = they load within TIME_TO_LOAD (s) after the one before.
    """
    missing, since = set(dag_ids), time.monotonic()
    while True:
        listed = missing.intersection(dag["dag_id"] for dag in api.dags() if not dag["is_stale"])
        if loaded := {dag_id for dag_id in listed if api.details(dag_id)}:
            missing, since = missing - loaded, time.monotonic()
            if patience:
                patience.renew()
        if not missing:
            return
        errors = api.import_errors()
        late = f"none for {TIME_TO_LOAD:.0f} s" if time.monotonic() - since > TIME_TO_LOAD else None
        if errors or (late := patience.end() if patience else late):
            causes = [f"{error['filename']}:\n{error['stack_trace']}" for error in errors] or [f"({late}): make logs shows why"]
            raise HeadlineError("\n".join([f"Airflow did not load the DAGs {', '.join(sorted(missing))}", *causes]))
        time.sleep(0.5)


def start_range(api: AirflowApi, dag_id: str, first: date, last: date) -> Watched:
    """The one run over the days `first` to `last`, both included: started, or found and, where it failed, resumed."""
    return _started(api, dag_id, f"range__{first}__{last}", {"from": str(first), "to": str(last)})


def start_waiving(api: AirflowApi, dag_id: str, first: date, last: date, reason: str, figures: Sequence[str]) -> Watched:
    """The same days once more, with these figures waived for a reason; other figures make another run."""
    made_of = hashlib.sha256("\n".join(sorted(figures)).encode()).hexdigest()[:8]
    conf = {"from": str(first), "to": str(last), "accept": reason, "figures": list(figures)}
    return _started(api, dag_id, f"range__{first}__{last}__{WAIVING}_{made_of}", conf)


def _started(api: AirflowApi, dag_id: str, run_id: str, conf: Mapping[str, Any]) -> Watched:
    run = api.run(dag_id, run_id)
    if run is None:
        run = api.trigger(dag_id, run_id=run_id, conf=conf)
    return resumed(api, run)


def start_day(api: AirflowApi, dag_id: str, day: date, zone: str) -> Watched:
    """The ordinary run for a business day: the schedule's own where it made one, else the same one started by hand."""
    start, end = (datetime.combine(moment, datetime.min.time(), ZoneInfo(zone)) for moment in (day, day + timedelta(days=1)))
    run = api.run_of(dag_id, start)
    if run is None:
        run = api.trigger(dag_id, run_id=f"day__{day}", interval=(start, end))
    return resumed(api, run)


def resumed(api: AirflowApi, run: Mapping[str, Any]) -> Watched:
    if run["state"] == "failed":
        api.clear(run["dag_id"], run["dag_run_id"])
    return Watched(run["dag_id"], run["dag_run_id"])


def watch(
    home: Home | None,
    api: AirflowApi,
    title: str,
    runs: Sequence[Watched],
    screen: Screen,
    instead: Callable[[Watched], Watched | None] = lambda _: None,
) -> None:
    """Show the runs until all have succeeded; raises HeadlineError with the cause as soon as one has failed.

    `home`: of the processes that run them; None where they are elsewhere. `instead`: the run that takes the place of one that has
    failed, where there is one.
    """
    processes, runs, answered = Processes(home) if home else None, list(runs), time.monotonic()
    with Live(console=screen.console, refresh_per_second=4, transient=not screen.console.is_terminal) as live:
        while True:
            try:
                for run in runs:
                    before = run.state
                    run.look(api)
                    if run.state != before and not screen.console.is_terminal:
                        screen.say(f"{title}: {run.dag_id} {run.state}")
                answered = time.monotonic()
            except (httpx.TransportError, Refused) as error:
                if isinstance(error, Refused) and error.status < httpx.codes.INTERNAL_SERVER_ERROR:
                    raise
                if processes and not processes.manager():
                    raise HeadlineError(processes.end_of_supervisor()) from error
                if time.monotonic() - answered > TIME_TO_ANSWER:  # till then it may be started again
                    raise
            runs = [(instead(run) if run.state == "failed" else None) or run for run in runs]
            live.update(progress(title, runs))
            if failed := [run for run in runs if run.state == "failed"]:
                break
            if all(run.state == "success" for run in runs):
                return
            time.sleep(1)
    raise HeadlineError("\n\n".join(cause(home, api, run) for run in failed))


def progress(title: str, runs: Iterable[Watched]) -> Table:
    table = Table(title=Text(title), title_justify="left", box=None, padding=(0, 2, 0, 0))
    for heading in ("DAG", "state"):
        table.add_column(heading)
    for heading in ("tasks", "seconds"):
        table.add_column(heading, justify="right")
    table.add_column("at work")
    for run in runs:
        state, at_work = Text(run.state, COLORS.get(run.state, "dim")), Text(", ".join(run.at_work))
        table.add_row(run.dag_id, state, f"{run.done}/{run.tasks.total()}", f"{run.seconds:.0f}", at_work)
    return table


def cause(home: Home | None, api: AirflowApi, run: Watched) -> str:
    """Which task of a failed run failed, the end of what it logged, and where the rest is."""
    failed = [instance for instance in api.task_instances(run.dag_id, run.run_id) if instance["state"] == "failed"]
    if not failed:
        return f"{run.dag_id}: the run {run.run_id} failed without a failed task"
    instance = min(failed, key=lambda one: one["end_date"] or "")
    log = api.log(run.dag_id, run.run_id, instance["task_id"], instance["try_number"])
    if home:
        place = home.logs / f"dag_id={run.dag_id}" / f"run_id={run.run_id}" / f"task_id={instance['task_id']}"
        where = str(place / f"attempt={instance['try_number']}.log")
    else:
        where = api.address(run.dag_id, run.run_id)
    tail = "\n".join(f"  {line}" for text in log[-8:] for line in text.splitlines()[-15:])
    return f"{run.dag_id}: task {instance['task_id']} failed at try {instance['try_number']}\n{tail}\n  The whole log: {where}"


def seconds_between(start: str | None, end: str | None) -> float:
    if start is None:
        return 0.0
    until = datetime.fromisoformat(end) if end else datetime.now(UTC)
    return (until - datetime.fromisoformat(start)).total_seconds()
