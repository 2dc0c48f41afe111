"""Runs of a backfill whose days another run has computed end with that run: the scheduler starts nothing for them.

Starting, deferring and skipping a run costs Airflow half a CPU second, one run after the other.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from airflow.listeners import hookimpl

from headline import settings
from headline.intervals import Interval, business_day

log = logging.getLogger(__name__)

TAKEN_OVER = "taken_over"  # the XCom that says which days of other runs a run has published
NOTE = "computed together with"


@dataclass(frozen=True)
class Takeover:
    """Days that a run has computed beyond its own, for the runs that were queued for them at that moment."""

    days: Interval
    moment: datetime

    def to_json(self) -> dict[str, Any]:
        return {"days": self.days.to_json(), "moment": self.moment.isoformat()}

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        return cls(Interval.from_json(found["days"]), datetime.fromisoformat(found["moment"]))

    def holds(self, start: datetime | None, end: datetime | None, queued_at: datetime | None, zone: str) -> bool:
        """Whether a run of this data interval, queued then, has nothing left to do; one cleared since then has."""
        if not (start and end and queued_at) or queued_at > self.moment:
            return False
        first, last = business_day(start, zone), business_day(end, zone)
        return self.days.start <= first and last <= self.days.end


@hookimpl  # type: ignore[untyped-decorator]
def on_dag_run_success(dag_run: Any, msg: str) -> None:  # noqa: ARG001 (Airflow's signature)
    """Airflow's scheduler calls this in its loop; where it fails, each of the runs finds out for itself and skips."""
    if dag_run.run_type != "backfill":
        return
    try:
        ended = end_taken_over(dag_run.get_dag(), dag_run.run_id)
    except Exception:
        log.exception("%s %s: the runs whose days it has computed are left to skip", dag_run.dag_id, dag_run.run_id)
    else:
        if ended:
            log.info("%s %s has computed the days of %d other runs too", dag_run.dag_id, dag_run.run_id, ended)


def end_taken_over(dag: Any, run_id: str) -> int:
    """Mark the queued runs of a backfill whose days a run has published, as the button «Mark success» does; gives their number.

    Their tasks are skipped, and each has a note that says which run computed its day.
    """
    from airflow.api.common.mark_tasks import set_dag_run_state_to_success
    from airflow.models.dagrun import DagRun
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    zone = settings.load().reporting_zone
    # A session of its own: the scheduler's may not commit here, and does not break where this one does.
    with create_session(scoped=False) as session:
        asked = XComModel.get_many(run_id=run_id, key=TAKEN_OVER, dag_ids=dag.dag_id)
        told = session.scalars(asked).first()
        if told is None:
            return 0
        takeover = Takeover.from_json(XComModel.deserialize_value(told))
        queued = select(DagRun).where(DagRun.dag_id == dag.dag_id, DagRun.run_type == "backfill", DagRun.state == "queued")
        # Whoever has one of them locked is about to change it.
        found = session.scalars(queued.with_for_update(skip_locked=True, of=DagRun)).all()
        ended = 0
        for run in found:
            if takeover.holds(run.data_interval_start, run.data_interval_end, run.queued_at, zone):
                set_dag_run_state_to_success(dag=dag, run_id=run.run_id, commit=True, session=session)
                if not run.note or run.note.startswith(NOTE):  # what a person has written stays
                    run.note = f"{NOTE} {run_id}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
                ended += 1
        return ended
