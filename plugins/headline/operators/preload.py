"""The local executor forks a process per task: what the scheduler has imported, no task has to import again."""

from __future__ import annotations

import logging
import sys
from typing import Any

from airflow.listeners import hookimpl

log = logging.getLogger(__name__)


@hookimpl
def on_starting(component: Any) -> None:  # noqa: ARG001 (Airflow's signature)
    """Load the engines once, when the scheduler starts; Soda alone takes a second."""
    # Airflow calls this before the component knows its own type; the command line does.
    if "scheduler" in sys.argv[:2]:
        import duckdb  # noqa: F401
        import soda_core.contracts.contract_verification  # noqa: F401
        import soda_duckdb.common.data_sources.duckdb_data_source  # noqa: F401
        import sqlglot  # noqa: F401

        import headline.sources.landing
        import headline.steps  # noqa: F401

        log.info("engines loaded for the tasks that this scheduler forks")
