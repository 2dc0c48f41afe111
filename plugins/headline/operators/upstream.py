"""Runs of other DAGs that are about to change what a run reads, as Airflow's API tells them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self

from headline import settings
from headline.errors import BadRequest, HeadlineError
from headline.intervals import DAY, Interval
from headline.operators.context import days_as_told

if TYPE_CHECKING:
    from headline.airflow_api import AirflowApi
    from headline.ledger import StagingTable
    from headline.specs import Catalog

log = logging.getLogger(__name__)

CONNECTION = "headline_airflow"
UNFINISHED = ["queued", "running"]
PAGE = 100


@dataclass(frozen=True)
class ActiveRun:
    """A run that is queued or running, and the days that it is for."""

    dag_id: str
    run_id: str
    run_type: str
    days: Interval
    queued_at: datetime | None
    state: str = "running"

    def __str__(self) -> str:
        return f"{self.dag_id} {self.run_id}"


@lru_cache(maxsize=1)
def _catalog_of(_minute: int) -> Catalog:
    from headline import specs

    return specs.load_sound()


def current_catalog() -> Catalog:
    """The repository as of the last minute: a triggerer outlives edits, and reading all folders takes longer than a question."""
    return _catalog_of(int(time.time() // 60))


class Done:
    """What runs have published of late, whether or not its content had changed.

    `backfills`: ids of runs that belong to a backfill; Airflow gives a run that was there before to it under its old id.
    """

    def __init__(self, published: Iterable[tuple[StagingTable, datetime]], backfills: Iterable[str] = ()) -> None:
        self._backfills = set(backfills)
        self._published: dict[str, list[tuple[StagingTable, datetime]]] = {}
        for staging_table, moment in published:
            self._published.setdefault(staging_table.table, []).append((staging_table, moment))

    @classmethod
    def since_queued(cls, runs: Collection[ActiveRun], tables: Iterable[str]) -> Self:
        """What the ledger knows since the first of the runs was queued."""
        from headline.ledger import Ledger

        moment = min((run.queued_at for run in runs if run.queued_at), default=datetime.now(UTC))
        backfills = {run.run_id for run in runs if run.run_type == "backfill"}
        return cls(Ledger().published_since(moment, tables), backfills)

    def by(self, run: ActiveRun, table: str) -> bool:
        """Whether a run has published a table since it was queued, or another run of its backfill has with its days."""
        return self._is_done(run, table, lambda run_id: run_id == run.run_id) or self.by_another(run, table)

    def by_another(self, run: ActiveRun, table: str) -> bool:
        """Whether another run of its backfill has published a table for its days since it was queued."""

        def is_another(run_id: str) -> bool:
            return run_id != run.run_id and (run_id.startswith("backfill__") or run_id in self._backfills)

        return run.run_type == "backfill" and self._is_done(run, table, is_another, covering=run.days)

    def _is_done(self, run: ActiveRun, table: str, is_it: Callable[[str], bool], covering: Interval | None = None) -> bool:
        return any(
            is_it(staged.run_id)
            and (run.queued_at is None or moment >= run.queued_at)
            and (covering is None or any(one.start <= covering.start and covering.end <= one.end for one in staged.intervals))
            for staged, moment in self._published.get(table, ())
        )


class ActiveRuns:
    """Asks Airflow's API behind the connection headline_airflow, and keeps one login for all questions.

    Where there is no such connection, or the API does not answer, nothing is known and nobody waits for it.
    """

    def __init__(self) -> None:
        self._api: AirflowApi | None = None
        self._is_absent = False

    def of(self, days: Interval) -> list[ActiveRun]:
        """The queued and running runs of all unpaused DAGs that compute any of these days."""
        import httpx

        try:
            api = self._open()
            if api is None:
                return []
            found = [*_dated(api, days), *_by_hand(api)]
            runs = {(run.dag_id, run.run_id): run for run in found if run.days.overlaps(days)}
            paused = {dag["dag_id"] for dag in api.dags() if dag["is_paused"]} if runs else set()
        except (httpx.HTTPError, HeadlineError) as error:
            self._api = None  # the next question logs in again
            log.warning("Airflow's API does not say which runs are at work; nobody waits for them: %s", error)
            return []
        return [run for run in runs.values() if run.dag_id not in paused]

    def _open(self) -> AirflowApi | None:
        from headline.airflow_api import AirflowApi

        if self._api is None and not self._is_absent:
            try:
                self._api = AirflowApi.from_connection(CONNECTION)
            except BadRequest:
                self._is_absent = True
        return self._api


def ahead_of(
    runs: Iterable[ActiveRun],
    tables: Collection[str],
    days: Interval,
    done: Done,
    catalog: Catalog,
    *,
    is_scheduled: bool = False,
) -> list[ActiveRun]:
    """The runs that compute one of these days of one of these tables and have not published it since they were queued.

    `is_scheduled`: no day of the schedule waits for a backfill.
    """
    makers = catalog.makers
    read: dict[str, set[str]] = {}
    for name in tables:
        if maker := makers.get(name):
            read.setdefault(maker.id, set()).add(maker.outputs[name].full_name)
    return [
        run
        for run in runs
        if run.dag_id in read
        and run.days.overlaps(days)
        and not (is_scheduled and run.run_type == "backfill")
        and not all(done.by(run, table) for table in read[run.dag_id])
    ]


def describe_runs(runs: Sequence[ActiveRun]) -> str:
    """One line: which runs, the first three of them."""
    more = f" and {len(runs) - 3} more" if len(runs) > 3 else ""
    return f"upstream at work on these days: {', '.join(map(str, runs[:3]))}{more}" if runs else ""


def _dated(api: AirflowApi, days: Interval) -> list[ActiveRun]:
    """Runs with a logical date: of the schedule, of a backfill, or by hand for one day."""
    # A day more on both sides: a business day may begin up to a day before or after the same day in UTC.
    start, end = f"{days.start - DAY}T00:00:00Z", f"{days.end + DAY}T00:00:00Z"
    return _all(api, logical_date_gte=start, logical_date_lte=end)


def _by_hand(api: AirflowApi) -> list[ActiveRun]:
    """A ranged run has no logical date."""
    return _all(api, run_type="manual")


def _all(api: AirflowApi, **filters: str) -> list[ActiveRun]:
    found: list[dict[str, Any]] = []
    while True:
        page = api.runs("~", state=UNFINISHED, order_by="id", limit=PAGE, offset=len(found), **filters)
        found += page
        if len(page) < PAGE:
            return [run for one in found if (run := _active(one))]


def _active(run: Mapping[str, Any]) -> ActiveRun | None:
    """None for a run that will be refused: it changes nothing."""
    try:
        days = days_as_told(run, settings.load().reporting_zone)
    except BadRequest:
        return None
    queued_at = datetime.fromisoformat(run["queued_at"]) if run["queued_at"] else None
    return ActiveRun(run["dag_id"], run["dag_run_id"], run["run_type"], days, queued_at, run["state"])
