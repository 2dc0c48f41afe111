"""When a pipeline runs: once a business day, after its end. The logical date of a run is its business day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Self
from zoneinfo import ZoneInfo

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable

from headline.intervals import DAY, business_day, named_day

# Airflow silently makes a run without any task for a day before a DAG's start date, and calls it a success.
# So DAGs start before any data, and this timetable alone says from which day on the scheduler makes runs by itself.
BEFORE_ALL_DATA = pendulum.datetime(2000, 1, 1)
FIRST_POSSIBLE_DAY = date(2000, 1, 1)


class DailyTimetable(CronDataIntervalTimetable):
    """A run for each business day from `first_day` on; older days do not come by themselves, but can be triggered and backfilled.

    A backfill makes a run for each day that it names, both ends included, but for none before the first day of data.

    :param first_day: the first day that is scheduled; what was missed since then is caught up.
    :param timezone: the zone of business days.
    :param first_data: the first day that there can be data for.
    """

    def __init__(self, first_day: date, timezone: str, first_data: date = FIRST_POSSIBLE_DAY) -> None:
        super().__init__("0 0 * * *", timezone=timezone)
        self._first_day = first_day
        self._zone = timezone
        self._first_data = first_data

    def serialize(self) -> dict[str, Any]:
        return {"first_day": str(self._first_day), "timezone": self._zone, "first_data": str(self._first_data)}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Self:
        first_data = data.get("first_data", str(FIRST_POSSIBLE_DAY))
        return cls(date.fromisoformat(data["first_day"]), data["timezone"], date.fromisoformat(first_data))

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        # Only a backfill has a last day: DAGs have no end date.
        is_backfill = restriction.latest is not None
        if is_backfill:
            earliest = max(self._first_data, self._day(restriction.earliest)) if restriction.earliest else self._first_data
            restriction = TimeRestriction(self._midnight(earliest), self._midnight(self._day(restriction.latest)), catchup=True)
        else:
            restriction = restriction._replace(earliest=self._midnight(self._first_day))
        info = super().next_dagrun_info(last_automated_data_interval=last_automated_data_interval, restriction=restriction)
        if info is None or not is_backfill or info.data_interval is None:
            return info
        # Airflow names the run of a backfill after this moment, which for a day that is over may be any in the past.
        start = info.data_interval.start.in_timezone(self._zone)
        return DagRunInfo(run_after=start, data_interval=info.data_interval)

    def infer_manual_data_interval(self, *, run_after: pendulum.DateTime) -> DataInterval:
        """The business day of a logical date; the form proposes the present moment, for which it is the newest day that ended."""
        day = self._day(run_after)
        if day == business_day(datetime.now(UTC), self._zone):
            day -= DAY
        return DataInterval(self._midnight(day), self._midnight(day + DAY))

    def generate_run_id(
        self, *, run_type: Any, run_after: pendulum.DateTime, data_interval: DataInterval | None, **extra: Any
    ) -> str:
        """Named after the business day where there is one; a run by hand also after its moment, since a day may have many."""
        if data_interval is None:
            return super().generate_run_id(run_type=run_type, run_after=run_after, data_interval=data_interval, **extra)
        day = self._day(data_interval.start)
        name: str = run_type.generate_run_id(suffix=str(day))
        return name if run_type == "scheduled" else f"{name}__{run_after.isoformat()}"

    def _day(self, moment: datetime) -> date:
        return named_day(moment, self._zone)

    def _get_next(self, current: datetime) -> pendulum.DateTime:
        return self._midnight(business_day(current, self._zone) + DAY)

    def _get_prev(self, current: datetime) -> pendulum.DateTime:
        return self._midnight(business_day(current - timedelta.resolution, self._zone))

    def _midnight(self, day: date) -> pendulum.DateTime:
        """The first moment of a business day, also where clocks change at midnight, which cron leaves open."""
        return pendulum.instance(datetime.combine(day, time.min, ZoneInfo(self._zone)).astimezone(UTC)).in_timezone(self._zone)
