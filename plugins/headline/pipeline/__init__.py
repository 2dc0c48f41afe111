"""The run of a pipeline: ingest, plan, transform, audit, publish. It knows no Airflow."""

from headline.pipeline.ingest import ingest
from headline.pipeline.inspect import held_candidate, inspect
from headline.pipeline.run import Acceptance, PipelineRun
from headline.pipeline.write_audit_publish import TableRun, prepare, write_audit_publish
from headline.sql import compile_table

__all__ = [
    "Acceptance",
    "PipelineRun",
    "TableRun",
    "compile_table",
    "held_candidate",
    "ingest",
    "inspect",
    "prepare",
    "write_audit_publish",
]
