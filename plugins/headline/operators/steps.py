"""The operators: each runs one step of its pipeline and shows in the UI what it did.

Engines are imported while a task runs, never while Airflow parses: it parses the DAG file again for every task.
"""

from __future__ import annotations

from typing import Any, ClassVar

from airflow.sdk import BaseOperator

from headline.operators.context import pipeline_run
from headline.operators.links import ContractLink, RunbookLink


class IngestOperator(BaseOperator):
    """Lands what a source has for the run's days, a file a day.

    Exists apart from the load so that what arrived is kept, whatever becomes of it later.

    :param pipeline: id of the source.
    :param landing: name under `ingest` in its source.yml.
    """

    template_fields = ("ingested",)
    template_fields_renderers: ClassVar = {"ingested": "json"}
    overwrite_rtif_after_execution = True
    operator_extra_links = (RunbookLink(),)
    ui_color = "#dbe9f4"

    def __init__(self, *, pipeline: str, landing: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pipeline = pipeline
        self.landing = landing
        self.ingested: dict[str, Any] = {}

    def execute(self, context: Any) -> None:
        from headline.steps import ingest

        done = ingest(pipeline_run(self.pipeline, context), self.landing)
        self.ingested = {
            "days": [str(interval) for interval in done.intervals],
            "files": done.file_count,
            "rows": done.row_count,
            "new_or_changed_files": done.changed_count,
        }


class TransformOperator(BaseOperator):
    """Writes the candidate of one table by its one SELECT; the Rendered Templates tab shows the SQL that ran.

    :param pipeline: id of the pipeline.
    :param table: name of the table within it.
    """

    template_fields = ("compiled_sql", "transformed")
    template_fields_renderers: ClassVar = {"compiled_sql": "sql", "transformed": "json"}
    overwrite_rtif_after_execution = True
    operator_extra_links = (RunbookLink(), ContractLink())
    ui_color = "#e8f5e0"

    def __init__(self, *, pipeline: str, table: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pipeline = pipeline
        self.table = table
        self.compiled_sql = ""
        self.transformed: dict[str, Any] = {}

    def execute(self, context: Any) -> None:
        from headline.steps import transform

        run = pipeline_run(self.pipeline, context)
        done = transform(run, run.pipeline.tables[self.table])
        self.compiled_sql = done.compiled_sql
        self.transformed = {"days": [str(interval) for interval in done.intervals], "rows": done.row_count}


class AuditOperator(BaseOperator):
    """Verifies the contract of one table on its candidate; a failed check fails the task at once and blocks the publication.

    :param pipeline: id of the pipeline.
    :param table: name of the table within it.
    """

    template_fields = ("checks",)
    template_fields_renderers: ClassVar = {"checks": "json"}
    overwrite_rtif_after_execution = True
    operator_extra_links = (RunbookLink(), ContractLink())
    ui_color = "#fdf3d8"

    def __init__(self, *, pipeline: str, table: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pipeline = pipeline
        self.table = table
        self.checks: dict[str, str] = {}

    def execute(self, context: Any) -> None:
        from headline.steps import audit

        run = pipeline_run(self.pipeline, context)
        results = audit(run, run.pipeline.tables[self.table])
        self.checks = {f"{result.path}: {result.name}": result.outcome for result in results}


class PublishOperator(BaseOperator):
    """Makes all audited candidates of the run readable in one step, or none.

    :param pipeline: id of the pipeline.
    """

    template_fields = ("published",)
    template_fields_renderers: ClassVar = {"published": "json"}
    overwrite_rtif_after_execution = True
    operator_extra_links = (RunbookLink(),)
    ui_color = "#e4dcf4"

    def __init__(self, *, pipeline: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pipeline = pipeline
        self.published: list[str] = []

    def execute(self, context: Any) -> None:
        from headline.steps import publish

        done = publish(pipeline_run(self.pipeline, context))
        self.published = [f"{one.table} {one.interval} {one.status}" for one in done]


class SpecFaultOperator(BaseOperator):
    """Stands in for a pipeline whose files are faulty and fails with what is wrong with them.

    :param faults: the text of the faults.
    """

    def __init__(self, *, faults: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.faults = faults

    def execute(self, context: Any) -> None:  # noqa: ARG002 (Airflow's signature)
        from headline.errors import SpecError

        raise SpecError(self.faults.splitlines())
