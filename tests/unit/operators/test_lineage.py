"""Lineage out: what OpenLineage is told of a run, through the provider's own extractor and a transport to a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.providers.openlineage import conf
from airflow.providers.openlineage.extractors import ExtractorManager, OperatorLineage
from airflow.providers.openlineage.plugins.adapter import OpenLineageAdapter
from airflow.utils.state import TaskInstanceState

from headline.errors import BadData
from headline.operators import IngestOperator, WriteAuditPublishOperator
from headline.operators.lineage import is_on
from headline.warehouse.naming import dataset_of

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)
Told = Callable[..., dict[str, Any]]


@pytest.fixture
def events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that events are sent to."""
    file = tmp_path / "events.jsonl"
    transport = {"type": "file", "log_file_path": str(file), "append": True}
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", json.dumps(transport))
    return file


@pytest.fixture
def told(events: Path) -> Told:
    """The event of a task, as it stands in the file."""

    def send(operator: Any, state: TaskInstanceState) -> dict[str, Any]:
        found = ExtractorManager().extract_metadata(SimpleNamespace(run_id="run"), operator, state, SimpleNamespace())
        assert isinstance(found, OperatorLineage)
        moment, run_id = datetime.now(UTC).isoformat(), "0192f7a4-0b4c-7b43-8e0f-5b6d4c1a2b3c"
        names: dict[str, Any] = {"run_id": run_id, "job_name": f"dag.{operator.task_id}", "task": found}
        rest: dict[str, Any] = dict.fromkeys(("nominal_start_time", "nominal_end_time", "owners", "tags", "job_description"))
        if state == TaskInstanceState.RUNNING:
            OpenLineageAdapter().start_task(event_time=moment, **names, **rest)
        elif state == TaskInstanceState.SUCCESS:
            OpenLineageAdapter().complete_task(end_time=moment, **names, **rest)
        else:
            OpenLineageAdapter().fail_task(end_time=moment, error="it failed", **names, **rest)
        return json.loads(events.read_text().splitlines()[-1])

    return send


def context(day: date, run_id: str = "manual") -> Any:
    at, after = (datetime(day.year, day.month, number, tzinfo=UTC) for number in (day.day, day.day + 1))
    dag_run = SimpleNamespace(
        run_id=run_id,
        run_type="manual",
        data_interval_start=at,
        data_interval_end=after,
        run_after=after,
        triggering_user_name=None,
    )
    return {"params": dict.fromkeys(("from", "to", "accept", "figures", "landings")), "dag_run": dag_run}


def publish(pipeline: str, run_id: str = "manual") -> WriteAuditPublishOperator:
    operator = WriteAuditPublishOperator(task_id="write_audit_publish", pipeline=pipeline)
    operator.execute(context(D1, run_id))
    return operator


def by_name(datasets: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in datasets}


def test_a_publication_tells_rows_columns_and_checks(project: Any, told: Told) -> None:
    project.arrive({D1: [("a", "1.50"), ("b", "2.00"), ("x", "-1.00")]})
    publish("shop")
    event = told(publish("core_shop"), TaskInstanceState.SUCCESS)
    assert (event["eventType"], event["job"]["name"]) == ("COMPLETE", "dag.write_audit_publish")
    outputs, inputs = by_name(event["outputs"]), by_name(event["inputs"])
    assert set(outputs) == {"warehouse.core.orders", "warehouse.core.running_totals"}
    orders = outputs["warehouse.core.orders"]
    assert orders["namespace"] == f"duckdb://{project.warehouse.path}"
    assert orders["outputFacets"]["outputStatistics"]["rowCount"] == 3, "the quarantined row was written too"
    assert [field["name"] for field in orders["facets"]["schema"]["fields"]] == ["ds", "order_id", "amount"]
    assert orders["facets"]["schema"]["fields"][2]["type"] == "decimal(18, 4)"
    assert orders["facets"]["documentation"]["description"] == "One row per valid order."
    columns = orders["facets"]["columnLineage"]["fields"]
    [amount] = columns["amount"]["inputFields"]
    assert (amount["namespace"], amount["name"], amount["field"]) == (orders["namespace"], "warehouse.raw.orders", "amount")
    assert set(inputs) == {"warehouse.raw.orders", "warehouse.calendar.days", *outputs}
    judged = inputs["warehouse.core.orders"]["inputFacets"]
    assert judged["dataQualityMetrics"]["rowCount"] == 2, "the checks judge what can be read"
    checks = {(one["assertion"], one.get("column"), one["name"]): one for one in judged["dataQualityAssertions"]["assertions"]}
    assert set(checks) == {
        ("missing", "ds", "missing"),
        ("schema", None, "schema"),
        ("duplicate", None, "duplicate"),
        ("failed_rows", None, "raw = core + quarantine"),
    }
    assert {one["success"] for one in checks.values()} == {True}
    assert "core.orders" in event["job"]["facets"]["sql"]["query"]


def test_a_run_that_changes_nothing_has_written_no_rows(project: Any, told: Told) -> None:
    project.arrive({D1: [("a", "1.50")]})
    publish("shop")
    event = told(publish("shop", "again"), TaskInstanceState.SUCCESS)
    [orders] = event["outputs"]
    assert orders["outputFacets"]["outputStatistics"]["rowCount"] == 0
    [landing] = [one for one in event["inputs"] if one["namespace"] == "file"]
    assert landing["name"].endswith("/landing/shop/orders")


def test_a_failed_audit_tells_what_it_found_and_no_output(project: Any, told: Told) -> None:
    project.arrive({D1: [("a", "1.50"), ("a", "2.00")]})
    publish("shop")
    operator = WriteAuditPublishOperator(task_id="write_audit_publish", pipeline="core_shop")
    with pytest.raises(BadData):
        operator.execute(context(D1))
    event = told(operator, TaskInstanceState.FAILED)
    assert event["eventType"] == "FAIL"
    assert event["outputs"] == []
    assertions = by_name(event["inputs"])["warehouse.core.orders"]["inputFacets"]["dataQualityAssertions"]["assertions"]
    [failed] = [one for one in assertions if not one["success"]]
    assert (failed["assertion"], failed["severity"], failed["params"]) == (
        "duplicate",
        "error",
        {"outcome": "failed", "dimension": "duplicates"},
    )
    assert event["run"]["facets"]["errorMessage"]["message"] == "it failed"


def test_an_ingest_tells_what_has_landed(project: Any, told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    (folder / "orders_2026-03-01.csv").write_text("order_id,amount\na,1.00\n")
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_DROP", f'{{"conn_type": "fs", "extra": {{"path": "file://{folder}"}}}}')
    operator = IngestOperator(task_id="ingest", pipeline="shop")
    [begun] = told(operator, TaskInstanceState.RUNNING)["outputs"]
    operator.execute(context(D1))
    [landed] = told(operator, TaskInstanceState.SUCCESS)["outputs"]
    assert (landed["namespace"], landed["name"]) == (begun["namespace"], begun["name"])
    assert landed["name"].endswith("/landing/shop/orders")
    statistics = landed["outputFacets"]["outputStatistics"]
    assert (statistics["rowCount"], statistics["fileCount"]) == (1, 1)


def test_a_task_that_begins_tells_what_it_will_read_and_write(project: Any, told: Told) -> None:
    event = told(WriteAuditPublishOperator(task_id="write_audit_publish", pipeline="core_shop"), TaskInstanceState.RUNNING)
    assert event["eventType"] == "START"
    assert set(by_name(event["inputs"])) == {"warehouse.raw.orders", "warehouse.calendar.days"}
    assert set(by_name(event["outputs"])) == {"warehouse.core.orders", "warehouse.core.running_totals"}


def test_lineage_is_off_without_a_transport(monkeypatch: pytest.MonkeyPatch) -> None:
    assert conf.is_disabled()
    assert not is_on()
    monkeypatch.setenv("AIRFLOW__OPENLINEAGE__TRANSPORT", '{"type": "console"}')
    assert is_on()


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        ({"conn_type": "duckdb", "host": "/data/warehouse.duckdb"}, ("duckdb:///data/warehouse.duckdb", "warehouse.core.orders")),
        (
            {"conn_type": "athena", "extra": {"region_name": "eu-west-1", "database_prefix": "dev_"}},
            ("awsathena://athena.eu-west-1.amazonaws.com", "AwsDataCatalog.dev_core.orders"),
        ),
        (
            {"conn_type": "spark_connect", "host": "spark", "port": 15002, "extra": {"catalog": "lake"}},
            ("spark://spark:15002", "lake.core.orders"),
        ),
    ],
)
def test_tables_are_called_as_the_standard_calls_them(
    monkeypatch: pytest.MonkeyPatch, connection: dict[str, Any], expected: tuple[str, str]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_SOMEWHERE", json.dumps(connection))
    assert dataset_of("core.orders", "headline_somewhere") == expected
