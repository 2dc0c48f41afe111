"""A deployment of its own in a temporary folder, with the demo company behind it and Airflow's real processes."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from headline.airflow_api import AirflowApi
from headline.errors import HeadlineError
from headline.local.dag_files import of_pipelines
from headline.local.home import Home
from headline.local.job import Watched, start_range, wait_for_dags, watch
from headline.local.lifecycle import WITH_DEMO, clean, start
from headline.local.run import Job, demo_being_filled
from headline.local.screen import Screen
from headline.local.setup import free_port, set_up
from headline.operators.backfill import DAG_ID as BACKFILL
from headline.settings import PROJECT

DAGS = of_pipelines()
NOTHING = "bench_nothing"
DAYS = 60
REPEATS = 3


@dataclass(frozen=True)
class Deployment:
    """A home whose Airflow is up."""

    home: Home
    api: AirflowApi
    screen: Screen

    def nothing(self, number: int) -> list[dict[str, Any]]:
        """One run of the graph of empty tasks as a single DAG; its task instances."""
        run_id = f"nothing__{number}"
        self.api.trigger(NOTHING, run_id=run_id, conf={})
        watch(self.home, self.api, run_id, [Watched(NOTHING, run_id)], self.screen)
        return self.api.task_instances(NOTHING, run_id)

    def nothing_apart(self, number: int) -> list[dict[str, Any]]:
        """One run of each of the same DAGs with empty tasks, all at once; their task instances."""
        shutil.rmtree(self.home.path / NOTHING, ignore_errors=True)
        run_id = f"nothing__{number}"
        runs = [Watched(f"{NOTHING}_{dag_id}", run_id) for dag_id in DAGS]
        for run in runs:
            self.api.trigger(run.dag_id, run_id=run_id, conf={})
        watch(self.home, self.api, run_id, runs, self.screen)
        return [instance for run in runs for instance in self.api.task_instances(run.dag_id, run_id)]

    def run(self, dag_ids: Sequence[str], first: date, last: date) -> dict[str, list[dict[str, Any]]]:
        """One ranged run of each DAG, all at once; the task instances by DAG."""
        runs: list[Watched] = [start_range(self.api, dag_id, first, last) for dag_id in dag_ids]
        watch(self.home, self.api, f"{first} to {last}", runs, self.screen)
        return {run.dag_id: self.api.task_instances(run.dag_id, run.run_id) for run in runs}

    def once(self, dag_id: str, day: date, run_id: str) -> list[dict[str, Any]]:
        """One run of a DAG for a day, whether or not the day was computed before; its task instances."""
        self.api.trigger(dag_id, run_id=run_id, conf={"from": str(day), "to": str(day)})
        watch(self.home, self.api, run_id, [Watched(dag_id, run_id)], self.screen)
        return self.api.task_instances(dag_id, run_id)

    @contextmanager
    def ranged(self, dag_ids: Sequence[str], first: date, last: date) -> Iterator[None]:
        """One ranged run of each DAG, all at once; at the end, all have ended."""
        runs: list[Watched] = [start_range(self.api, dag_id, first, last) for dag_id in dag_ids]
        yield
        watch(self.home, self.api, f"{first} to {last}", runs, self.screen)

    def planned(self, first: date, last: date) -> None:
        """All tables over a range by one run of the DAG `backfill`, until it has ended."""
        run_id = f"planned__{first}__{last}"
        conf = {"select": "*", "from": str(first), "to": str(last), "reason": "how long a month of history takes"}
        self.api.trigger(BACKFILL, run_id=run_id, conf=conf)
        watch(self.home, self.api, run_id, [Watched(BACKFILL, run_id)], self.screen)

    @contextmanager
    def backfill(self, dag_ids: Sequence[str], first: date, last: date) -> Iterator[None]:
        """Airflow's own backfill of each DAG, as its form proposes it, all at once; at the end, all have ended.

        Raises HeadlineError where a run failed.
        """
        waiting = {self.api.backfill(dag_id, first, last) for dag_id in dag_ids}
        yield
        while waiting := {one for one in waiting if not self.api.is_backfilled(one)}:
            time.sleep(1)
        if failed := [dag_id for dag_id in dag_ids if self.api.runs(dag_id, run_type="backfill", state="failed")]:
            raise HeadlineError(f"runs of the backfill of {', '.join(failed)} failed")

    def end_of(self, dag_ids: Sequence[str], run_type: str) -> datetime:
        """When the last run of this kind ended; Airflow calls a backfill completed up to half a minute later."""
        newest = [self.api.runs(dag_id, run_type=run_type, order_by="-end_date", limit=1) for dag_id in dag_ids]
        return max(datetime.fromisoformat(run["end_date"]) for [run] in newest)


@contextmanager
def deployment(days: int, last: date, screen: Screen) -> Iterator[Deployment]:
    """Set up, fill the demo company's sources with so many days, start; all is removed at the end."""
    with tempfile.TemporaryDirectory(prefix="headline-bench-") as folder:
        home = Home(Path(folder) / "home")
        names = ("HEADLINE_PORT", "HEADLINE_FINANCE_PORT", "HEADLINE_MAIL_PORT")
        ports = {name: str(free_port(first)) for name, first in zip(names, (18080, 18090, 18100), strict=True)}
        try:
            with home.starting():
                environment = set_up(home, screen, WITH_DEMO, ports)
                with demo_being_filled(home, environment, Job(first=last, last=last, demo_days=days), screen):
                    environment |= {"AIRFLOW__CORE__DAGS_FOLDER": str(all_dags(Path(folder) / "dags"))}
                    start(home, environment, WITH_DEMO, screen)
            with AirflowApi.of(environment) as api:
                dag_ids = [*DAGS, BACKFILL, NOTHING, *(f"{NOTHING}_{dag_id}" for dag_id in DAGS)]
                wait_for_dags(api, dag_ids)
                for dag_id in dag_ids:
                    api.unpause(dag_id)
                yield Deployment(home, api, screen)
        finally:
            clean(home, screen=screen)


def all_dags(folder: Path) -> Path:
    """The project's DAG files and the empty graph in one folder."""
    folder.mkdir()
    for file in (*(PROJECT / "dags").glob("*.py"), *(Path(__file__).parent / "dags").glob("*.py")):
        (folder / file.name).symlink_to(file)
    return folder


def wall(instances: Sequence[dict[str, Any]]) -> float:
    """Seconds from the start of the first task to the end of the last."""
    starts, ends = ([datetime.fromisoformat(instance[name]) for instance in instances] for name in ("start_date", "end_date"))
    return (max(ends) - min(starts)).total_seconds()
