"""The run of a pipeline: ingest, plan, transform, audit, publish. It knows no Airflow."""

from headline.pipeline.ingest import ingest
from headline.pipeline.inspect import held_staging_table, inspect
from headline.pipeline.run import PipelineRun, Waiver
from headline.pipeline.write_audit_publish import TableRun, prepare, write_audit_publish
from headline.sql import compile_table

__all__ = [
    "PipelineRun",
    "TableRun",
    "Waiver",
    "compile_table",
    "held_staging_table",
    "ingest",
    "inspect",
    "prepare",
    "write_audit_publish",
]
