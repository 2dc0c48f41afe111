"""Airflow's view of the steps; imports nothing heavy, since Airflow parses DAG files again for every task."""

from headline.operators.arrivals import ArrivalsOperator
from headline.operators.backfill import PlanBackfillOperator, RunBackfillOperator
from headline.operators.backup import BackupOperator
from headline.operators.export import ExportOperator
from headline.operators.reconcile import ReconcileOperator
from headline.operators.repair import FindMissingOperator, RecordRepairsOperator
from headline.operators.report import InvestorReportOperator
from headline.operators.retention import RetentionOperator
from headline.operators.steps import IngestOperator, SpecFaultOperator, WriteAuditPublishOperator
from headline.operators.table_upkeep import TableUpkeepOperator

__all__ = [
    "ArrivalsOperator",
    "BackupOperator",
    "ExportOperator",
    "FindMissingOperator",
    "IngestOperator",
    "InvestorReportOperator",
    "PlanBackfillOperator",
    "ReconcileOperator",
    "RecordRepairsOperator",
    "RetentionOperator",
    "RunBackfillOperator",
    "SpecFaultOperator",
    "TableUpkeepOperator",
    "WriteAuditPublishOperator",
]
