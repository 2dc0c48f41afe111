"""How tables are made: ingest, then write-audit-publish; and what looks after the days that are missing. It knows no Airflow."""

from headline.sql import compile_table
from headline.steps.completeness import take_stock
from headline.steps.ingest import ingest
from headline.steps.inspect import held_candidate, inspect
from headline.steps.repair import Runs, repair, settle
from headline.steps.run import Acceptance, PipelineRun
from headline.steps.write_audit_publish import TableRun, prepare, write_audit_publish

__all__ = [
    "Acceptance",
    "PipelineRun",
    "Runs",
    "TableRun",
    "compile_table",
    "held_candidate",
    "ingest",
    "inspect",
    "prepare",
    "repair",
    "settle",
    "take_stock",
    "write_audit_publish",
]
