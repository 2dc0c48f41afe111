"""From Airflow's context of a task to the run that its step works on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

from headline import settings
from headline.errors import BadRequest
from headline.intervals import DAY, Interval, business_day, named_day, requested_interval

if TYPE_CHECKING:
    from headline.pipeline import PipelineRun, Waiver


def pipeline_run(pipeline_id: str, context: Any, days: Interval | None = None) -> PipelineRun:
    """The run of a pipeline that a task belongs to, for the days that it was asked for where no others are given.

    Raises SpecError, BadRequest.
    """
    from headline import specs
    from headline.ledger import Ledger
    from headline.pipeline import PipelineRun
    from headline.warehouse import open_warehouse

    catalog = specs.load_for(pipeline_id)
    return PipelineRun(
        pipeline=catalog.pipelines[pipeline_id],
        run_id=context["dag_run"].run_id,
        requested=days or requested(context),
        catalog=catalog,
        ledger=Ledger(),
        warehouse=open_warehouse(),
        waiver=waiver(context),
        landings=context["params"].get("landings"),
    )


def waiver(context: Any) -> Waiver | None:
    """What the params «accept» and «figures» say, if anything, as the word of whoever triggered the run.

    Raises BadRequest for figures without a reason.
    """
    from headline.pipeline import Waiver

    reason = (context["params"].get("accept") or "").strip()
    figures = frozenset(name.strip() for name in context["params"].get("figures") or () if name.strip())
    if figures and not reason:
        raise BadRequest("figures are waived for a reason: say under «Waive unusual figures» why they are right")
    return Waiver(reason, context["dag_run"].triggering_user_name or "unknown", figures) if reason else None


def requested(context: Any, now: datetime | None = None) -> Interval:
    """The business days that a DAG run is for: its params «from» and «to», else its data interval, else the day before the run.

    They do not depend on when a task runs: params, data interval and `run_after` are stored when the run is created and survive
    retries and clearing. Raises BadRequest for a range that is no range, that holds a day that has not ended `now` or lies before
    all data, that has too many days, and for a backfill with params.
    """
    params, dag_run = context["params"], context["dag_run"]
    first, last = params.get("from"), params.get("to")
    if (first or last) and dag_run.run_type == "backfill":
        raise BadRequest("each run of a backfill computes a day of its own: leave the params «from» and «to» of the form empty")
    zone = settings.load().reporting_zone
    default = _days_of_run(dag_run.data_interval_start, dag_run.data_interval_end, dag_run.run_after, zone)
    today, known = business_day(now or datetime.now(UTC), zone), settings.load()
    return requested_interval(first, last, default, today, known.first_day, known.most_days)


def days_as_told(run: Mapping[str, Any], zone: str) -> Interval:
    """The same days of a run as Airflow's API tells it, open days and those before all data too.

    Raises BadRequest for a range that is no range.
    """
    start, end, after = (
        datetime.fromisoformat(run[name]) if run[name] else None
        for name in ("data_interval_start", "data_interval_end", "run_after")
    )
    default = _days_of_run(start, end, after or datetime.fromisoformat(run["queued_at"]), zone)
    conf = run["conf"] or {}
    return requested_interval(conf.get("from"), conf.get("to"), default, today=date.max)


def _days_of_run(start: datetime | None, end: datetime | None, run_after: datetime, zone: str) -> Interval:
    """The business days of a run without params: its data interval, or else the day before it was triggered.

    Who makes a run over the API may give it an interval of days at midnight UTC.
    """
    if start and end and start < end:
        return Interval(named_day(start, zone), named_day(end, zone))
    created = business_day(run_after, zone)
    return Interval(created - DAY, created)
