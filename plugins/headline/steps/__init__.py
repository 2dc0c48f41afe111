"""The steps by which every table of every layer is made: ingest, transform, audit, publish. They know no Airflow."""

from headline.steps.audit import audit
from headline.steps.completeness import take_stock
from headline.steps.ingest import ingest
from headline.steps.inspect import held_candidate, inspect
from headline.steps.names import compile_table
from headline.steps.publish import publish
from headline.steps.repair import Runs, repair, settle
from headline.steps.run import Acceptance, PipelineRun
from headline.steps.transform import transform
from headline.steps.write_audit_publish import TableRun, write_audit_publish

__all__ = [
    "Acceptance",
    "PipelineRun",
    "Runs",
    "TableRun",
    "audit",
    "compile_table",
    "held_candidate",
    "ingest",
    "inspect",
    "publish",
    "repair",
    "settle",
    "take_stock",
    "transform",
    "write_audit_publish",
]
