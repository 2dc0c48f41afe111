"""The local executor forks a process per task: what the scheduler has imported, no task has to import again."""

from __future__ import annotations

import logging
import sys
from typing import Any

from airflow.listeners import hookimpl

log = logging.getLogger(__name__)


@hookimpl
def on_starting(component: Any) -> None:
    """Load the engines once, when the scheduler starts; Soda alone takes a second."""
    # Airflow calls this before a job knows its own type, but the command line does; a task's process says «TaskRunnerMarker».
    if type(component).__name__ == "Job" and "scheduler" in sys.argv[:2]:
        import airflow.providers.http.hooks.http
        import airflow.providers.postgres.hooks.postgres
        import airflow.sdk.io
        import duckdb  # noqa: F401
        import soda_core.contracts.contract_verification  # noqa: F401
        import soda_duckdb.common.data_sources.duckdb_data_source  # noqa: F401
        import sqlglot  # noqa: F401

        import headline.sources.landing
        import headline.steps  # noqa: F401

        log.info("engines loaded for the tasks that this scheduler forks")
