"""Which task gets a worker first where workers are scarce: today's landing, then what people ask for, then backfills."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from airflow.task.priority_strategy import PriorityWeightStrategy

SCHEDULED, BY_HAND, IN_THE_BACKGROUND = 200, 100, 0
# A scheduled day older than this is caught up in the background, like a backfill.
CATCHING_UP = timedelta(days=3)


class Urgency(PriorityWeightStrategy):
    """The kind of the run first, then the task's own weight, which is that of its pipeline's tier."""

    def get_weight(self, ti: Any) -> int:
        return kind_of_run(ti.run_id, datetime.now(UTC).date()) + int(ti.task.priority_weight)


def kind_of_run(run_id: str, today: date) -> int:
    """The weight of a run, from its id alone: Airflow weighs a task before it has stored its run."""
    kind, _, day = run_id.partition("__")
    if kind == "backfill":
        return IN_THE_BACKGROUND
    if kind != "scheduled":
        return BY_HAND
    try:
        is_old = today - date.fromisoformat(day[:10]) > CATCHING_UP
    except ValueError:
        is_old = False
    return IN_THE_BACKGROUND if is_old else SCHEDULED
