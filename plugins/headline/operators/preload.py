"""The local executor forks a process per task: what the scheduler has imported, no task has to import again."""

from __future__ import annotations

import logging
import sys
from importlib import import_module
from typing import Any

from airflow.listeners import hookimpl

log = logging.getLogger(__name__)

WORTH_LOADING_ONCE = (
    "airflow.providers.amazon.aws.hooks.sns",
    "airflow.providers.http.hooks.http",
    "airflow.providers.postgres.hooks.postgres",
    "airflow.providers.slack.hooks.slack_webhook",
    "airflow.providers.smtp.hooks.smtp",
    "airflow.sdk.io",
    "duckdb",
    "headline.alerts.watch",
    "headline.operations",
    "headline.sources.landing",
    "headline.steps",
    "headline.steps.arrival",
    "jinja2.sandbox",
    "soda_core.contracts.contract_verification",
    "soda_duckdb.common.data_sources.duckdb_data_source",
    "sqlglot.dialects.duckdb",
    "sqlglot.dialects.postgres",
)


@hookimpl  # type: ignore[untyped-decorator]
def on_starting(component: Any) -> None:
    """Load engines and hooks when the scheduler starts; Soda alone takes a second."""
    # Airflow calls this before a job knows its own type, but the command line does; a task's process says «TaskRunnerMarker».
    if type(component).__name__ == "Job" and "scheduler" in sys.argv[:2]:
        for module in WORTH_LOADING_ONCE:
            import_module(module)
        log.info("engines and hooks loaded for the tasks that this scheduler forks")
