"""The landing deadline as Airflow knows it: shown on the DAG's page, and seen by the triggerer when it passes.

Beside it stands the freshness watch, since a run that was never made has no deadline to miss.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Self

from airflow.sdk.definitions.callback import AsyncCallback
from airflow.sdk.definitions.deadline import BaseDeadlineReference, DeadlineAlert

from headline.intervals import business_day
from headline.operators import callbacks

if TYPE_CHECKING:
    from headline.specs import Pipeline


class LandingDeadline(BaseDeadlineReference):
    """The moment by which the day of a scheduled run must be published.

    None for backfills and runs by hand, and for a day whose moment has passed before its run was made. Airflow's own references
    page for each old day of a backfill.

    :param lands_at: the pipeline's promise, HH:MM in UTC.
    :param zone: the zone of business days.
    """

    required_kwargs = frozenset({"dag_id", "run_id"})

    def __init__(self, lands_at: str = "00:00", zone: str = "UTC") -> None:
        self.lands_at = lands_at
        self.zone = zone

    def serialize_reference(self) -> dict[str, Any]:
        return super().serialize_reference() | {"lands_at": self.lands_at, "zone": self.zone}

    @classmethod
    def deserialize_reference(cls, reference_data: dict[str, Any]) -> Self:
        return cls(reference_data["lands_at"], reference_data["zone"])

    def _evaluate_with(self, *, session: Any, dag_id: str, run_id: str, **_: Any) -> datetime | None:
        from airflow.models.dagrun import DagRun
        from sqlalchemy import select

        query = select(DagRun.run_type, DagRun.data_interval_start).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
        run = session.execute(query).one()
        return self.of(str(getattr(run.run_type, "value", run.run_type)), run.data_interval_start, datetime.now(UTC))

    def of(self, run_type: str, interval_start: datetime | None, now: datetime) -> datetime | None:
        """The deadline of a run of that type whose interval begins then."""
        from headline.specs.models import due_at

        if run_type != "scheduled" or interval_start is None:
            return None
        day: date = business_day(interval_start, self.zone)
        due = due_at(time.fromisoformat(self.lands_at), day, self.zone)
        return due if due > now else None


def landing_deadline(pipeline: Pipeline, zone: str) -> DeadlineAlert:
    """The alert on a pipeline's DAG."""
    return DeadlineAlert(
        name=f"published by {pipeline.lands_at:%H:%M} UTC",
        reference=LandingDeadline(f"{pipeline.lands_at:%H:%M}", zone),
        interval=timedelta(0),
        callback=AsyncCallback(callbacks.landing_missed),
    )
