"""The local executor forks a process per task: what the scheduler has imported, no task has to import again."""

from __future__ import annotations

import logging
import sys
import warnings
from contextlib import suppress
from importlib import import_module
from typing import Any

from airflow.listeners import hookimpl

from headline.operators.lineage import is_on

log = logging.getLogger(__name__)

WORTH_LOADING_ONCE = (
    "airflow.providers.amazon.aws.hooks.s3",
    "airflow.providers.amazon.aws.hooks.sns",
    "airflow.providers.http.hooks.http",
    "airflow.providers.postgres.hooks.postgres",
    "airflow.providers.slack.hooks.slack_webhook",
    "airflow.providers.smtp.hooks.smtp",
    "airflow.sdk.io",
    "duckdb",
    "headline.approvals",
    "headline.figures.issuing",
    "headline.incidents.watch",
    "headline.operations",
    "headline.sources.database",
    "headline.sources.files",
    "headline.sources.http",
    "headline.sources.landing",
    "headline.sources.stream",
    "headline.pipeline",
    "headline.pipeline.arrival",
    "jinja2.sandbox",
    "soda_core.contracts.contract_verification",
    "soda_duckdb.common.data_sources.duckdb_data_source",
    "sqlglot.dialects.duckdb",
    "sqlglot.dialects.postgres",
)

# Airflow warns of its own dependencies and of itself, at the top of each task's log.
NOT_FOR_PEOPLE: tuple[tuple[str, type[Warning]], ...] = (
    ("GitWildMatchPattern", DeprecationWarning),
    ("The airflow.security.permissions module is deprecated", UserWarning),
)


@hookimpl  # type: ignore[untyped-decorator]
def on_starting(component: Any) -> None:
    """Load engines and hooks and prepare contracts and SQL when the scheduler starts; that takes some seconds."""
    # Airflow calls this before a job knows its own type, but the command line does; a task's process says «TaskRunnerMarker».
    if type(component).__name__ == "Job" and "scheduler" in sys.argv[:2]:
        for message, category in NOT_FOR_PEOPLE:
            warnings.filterwarnings("ignore", message, category)
        for module in WORTH_LOADING_ONCE:
            import_module(module)
        _prepare()
        log.info("engines, hooks and contracts are ready for the tasks that this scheduler forks")


def _prepare() -> None:
    """What is prepared is kept by the content of its files: a task prepares what was edited since."""
    from headline import specs
    from headline.errors import SpecError
    from headline.pipeline import prepare

    catalog = specs.load_sound()
    for pipeline in catalog.pipelines.values():
        prepare(pipeline)
    if is_on():
        from headline.sql import column_lineage

        import_module("headline.operators.lineage_events")
        for table in catalog.tables.values():
            with suppress(SpecError):
                column_lineage(table, catalog.filled_by)
