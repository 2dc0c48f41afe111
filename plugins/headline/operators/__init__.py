"""Airflow's view of the steps; imports nothing heavy, since Airflow parses DAG files again for every task."""

from headline.operators.publication import PublicationSensor
from headline.operators.repair import FindMissingOperator, RecordRepairsOperator
from headline.operators.steps import AuditOperator, IngestOperator, PublishOperator, SpecFaultOperator, TransformOperator

__all__ = [
    "AuditOperator",
    "FindMissingOperator",
    "IngestOperator",
    "PublicationSensor",
    "PublishOperator",
    "RecordRepairsOperator",
    "SpecFaultOperator",
    "TransformOperator",
]
