"""Buttons on a task's page: what to do when it fails, and what its tables promise."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperatorLink

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey

PREFIX = "/headline"


def runbook_path(pipeline_id: str) -> str:
    return f"{PREFIX}/runbooks/{pipeline_id}"


def contract_path(pipeline_id: str, table: str) -> str:
    return f"{PREFIX}/contracts/{pipeline_id}/{table}"


class RunbookLink(BaseOperatorLink):
    """The runbook of the task's pipeline."""

    name = "Runbook"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 (Airflow's signature)
        return runbook_path(operator.pipeline)


class ContractsLink(BaseOperatorLink):
    """The tables of the task's pipeline, each with a link to its contract."""

    name = "Contracts"

    def get_link(self, operator: Any, *, ti_key: TaskInstanceKey) -> str:  # noqa: ARG002 (Airflow's signature)
        return f"{PREFIX}/board?dag_id={operator.pipeline}"
