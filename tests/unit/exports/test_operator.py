"""An export under Airflow: the periods of its run, what it shows, and what its failure is."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.exports.conftest import D1, D2, DUMP_SQL, Exporting

from headline.errors import BadData
from headline.operators import ExportOperator
from headline.operators.callbacks import finding_of


def context_of(**params: Any) -> dict[str, Any]:
    moment = datetime(2026, 3, 4, tzinfo=UTC)
    run = SimpleNamespace(
        run_id="manual__1", run_type="manual", data_interval_start=None, data_interval_end=None, run_after=moment, dag_id="orders"
    )
    return {"params": {"from": None, "to": None, "replay": False, **params}, "dag_run": run}


def test_a_run_delivers_each_period_that_it_is_asked_for(exporting: Exporting) -> None:
    exporting.arrive(D2, ("d", "4"))
    task = ExportOperator(task_id="deliver", export="orders", inputs={})
    task.execute(context_of(**{"from": str(D1), "to": str(D2)}))
    assert {day: shown["rows"] for day, shown in task.delivered.items()} == {str(D1): 2, str(D2): 1}
    assert exporting.manifest(day=D2)
    task.execute(context_of())
    assert len(exporting.runs()) == 2, "the newest day is that before the run, and is there already"


def test_a_failure_is_that_of_a_task_whatever_failed(exporting: Exporting) -> None:
    exporting.define("orders", exporting.project.sql.joinpath("exports/orders/export.yml").read_text(), f"{DUMP_SQL} and false")
    task = ExportOperator(task_id="deliver", export="orders", inputs={})
    context = context_of()
    with pytest.raises(BadData) as raised:
        task.execute(context_of(**{"from": str(D1)}))
    instance = SimpleNamespace(dag_id="orders", run_id="manual__1", try_number=1)
    now = datetime(2026, 3, 4, tzinfo=UTC)
    finding = finding_of(context | {"task": task, "ti": instance, "exception": raised.value}, now)
    assert finding
    assert (finding.pipeline, finding.kind) == ("orders", "task_failed")
    assert "least_rows" in finding.facts["error"]
