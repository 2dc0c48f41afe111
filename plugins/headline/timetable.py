"""When a pipeline runs: once a business day, after its end."""

from __future__ import annotations

from datetime import date
from typing import Any, Self

import pendulum
from airflow.timetables.base import DagRunInfo, DataInterval, TimeRestriction
from airflow.timetables.interval import CronDataIntervalTimetable

# Airflow silently makes a run without any task for a day before a DAG's start date, and calls it a success.
# So DAGs start before any data, and this timetable alone says from which day on the scheduler makes runs by itself.
BEFORE_ALL_DATA = pendulum.datetime(2000, 1, 1)


class DailyTimetable(CronDataIntervalTimetable):
    """A run for each business day from `first_day` on; older days do not come by themselves, but can be triggered and backfilled.

    :param first_day: the first day that is scheduled; what was missed since then is caught up.
    :param timezone: the zone of business days.
    """

    def __init__(self, first_day: date, timezone: str) -> None:
        super().__init__("0 0 * * *", timezone=timezone)
        self._first_day = first_day
        self._zone = timezone

    def serialize(self) -> dict[str, Any]:
        return {"first_day": self._first_day.isoformat(), "timezone": self._zone}

    @classmethod
    def deserialize(cls, data: dict[str, Any]) -> Self:
        return cls(date.fromisoformat(data["first_day"]), data["timezone"])

    def next_dagrun_info(
        self, *, last_automated_data_interval: DataInterval | None, restriction: TimeRestriction
    ) -> DagRunInfo | None:
        # A backfill restricts to its own days; only the scheduler restricts to the DAG's start date.
        if restriction.earliest is None or restriction.earliest <= BEFORE_ALL_DATA:
            day = self._first_day
            restriction = restriction._replace(earliest=pendulum.datetime(day.year, day.month, day.day, tz=self._zone))
        return super().next_dagrun_info(last_automated_data_interval=last_automated_data_interval, restriction=restriction)
