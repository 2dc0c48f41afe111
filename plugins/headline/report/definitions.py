"""The metrics that a report is about, and why a figure of a month is not issued yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from headline import settings
from headline.errors import BadRequest
from headline.intervals import DAY, Interval, business_day
from headline.ledger import IN_DOUBT, Ledger
from headline.specs import Pipeline, load_pipeline, pipeline_folders, reporting_pipelines
from headline.specs.metrics import Metric, load_metrics

PREFIX = {"day": "daily_", "week": "weekly_", "month": "monthly_"}


@dataclass(frozen=True)
class Defined:
    """A metric with the pipeline that issues it."""

    metric: Metric
    pipeline: Pipeline

    @property
    def title(self) -> str:
        """Its name as a reader says it: `monthly_net_revenue` is `Net revenue`."""
        return self.metric.name.removeprefix(PREFIX[self.metric.grain]).replace("_", " ").capitalize()


def defined() -> dict[str, Defined]:
    """Every metric that is issued, by name, in the order of its metrics.yml; raises SpecError where one cannot be read."""
    issuing = set(reporting_pipelines())
    found = [load_pipeline(folder) for folder in pipeline_folders() if folder.name in issuing]
    named = [(name, Defined(metric, one)) for one in found for name, metric in load_metrics(one).metrics.items()]
    return {name: one for name, one in named if one.metric.materiality}  # what has no limit is never issued


def month_of(day: str) -> Interval:
    """The month that is written as YYYY-MM; raises BadRequest for anything else."""
    try:
        first = date.fromisoformat(f"{day}-01")
    except ValueError:
        raise BadRequest(f"{day!r} is no month: write it as YYYY-MM") from None
    return Interval(first, first + DAY).widen("month")


def month_before(day: date) -> Interval:
    """The last month that ended before a day."""
    first = day.replace(day=1)
    return Interval(first - DAY, first).widen("month")


def why_missing(missing: Sequence[Defined], month: Interval) -> str:
    """What of a month is not issued, why, and what to do, a line for each table; `missing`: metrics of months."""
    return "\n".join(
        [f"{month.start:%Y-%m} is not issued: {len(missing)} figure(s) of the month are missing.", *_lines(missing, month)]
    )


def _lines(missing: Sequence[Defined], month: Interval) -> Iterator[str]:
    today = business_day(datetime.now(UTC), settings.load().reporting_zone)
    known = {state.table: state for state in Ledger().states([one.metric.of.full_name for one in missing], month)}
    tables: dict[str, list[Defined]] = {}
    for one in missing:
        tables.setdefault(one.metric.of.full_name, []).append(one)
    for table, mine in tables.items():
        state, pipeline = known.get(table), mine[0].pipeline.id
        names = ", ".join(one.metric.name for one in mine)
        if month.end > today:
            how = f"the month ends on {month.end - DAY}"
        elif state is None or state.fingerprint == IN_DOUBT:
            how = f"{table} is not published for it: run {pipeline} for {month.start} to {month.end - DAY}"
        elif state.status != "complete":
            how = (
                f"{table} is {state.status} (coverage {state.coverage:.2%}), and only complete months are issued: have its "
                "quarantined rows corrected at the source (`headline tables` shows them); or report what is issued without it "
                "(--leave-out-missing; in Airflow «Leave out what is not issued»)"
            )
        else:
            how = f"{table} is complete: `headline figures issue {month.start:%Y-%m} --pipeline {pipeline}`"
        yield f"  - {names}: {how}"
