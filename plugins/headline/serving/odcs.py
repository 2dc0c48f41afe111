"""Contracts as ODCS 3.1, the Open Data Contract Standard of Bitol: what catalogs and other teams' tools read."""

from __future__ import annotations

import re
from typing import Any

from headline.figures.values import contract_version
from headline.specs import Check, Column, Contract, Pipeline, Table, Team, load_contract
from headline.specs.values import Dimension

VERSION = "v3.1.0"
_TYPES = {
    "varchar": "string",
    "date": "date",
    "timestamp": "timestamp",
    "boolean": "boolean",
    "integer": "integer",
    "bigint": "integer",
    "decimal": "number",
}
_DIMENSIONS: dict[Dimension, str] = {
    "schema": "conformity",
    "duplicates": "uniqueness",
    "completeness": "completeness",
    "reconciliation": "consistency",
    "anomaly": "accuracy",
}


def data_contract(table: Table, pipeline: Pipeline, team: Team) -> dict[str, Any]:
    """The contract of a table: its columns, its checks as Soda runs them, its landing deadline and its owners."""
    contract = load_contract(table)
    found = {
        "apiVersion": VERSION,
        "kind": "DataContract",
        "id": table.full_name,
        "name": table.full_name,
        "version": contract_version(table),
        "status": "active",
        "domain": pipeline.area,
        "dataProduct": pipeline.id,
        "description": {"purpose": contract.description, "usage": f"Published by {pipeline.id}: {pipeline.description}"},
        "schema": [_schema(table, contract)],
        "slaProperties": [
            {"property": "frequency", "value": 1, "unit": "d"},
            {"property": "timeOfAvailability", "value": f"{pipeline.lands_at:%H:%M} UTC", "driver": "operational"},
        ],
        "customProperties": [{"property": "tier", "value": pipeline.tier}],
    }
    if pipeline.area in team.owners:
        owners = team.owners[pipeline.area]
        people = [(name, "owner") for name in owners.primary] + [(name, "deputy") for name in owners.secondary]
        found["team"] = {"name": pipeline.area, "members": [{"username": name, "role": role} for name, role in people]}
    return found


def _schema(table: Table, contract: Contract) -> dict[str, Any]:
    checks = [check for check in contract.listed_checks if not check.column]
    parts = [part.strip(" .") for part in re.split(r"[;.]", contract.description)]
    return {
        "name": table.name,
        "physicalName": table.full_name,
        "logicalType": "object",
        "physicalType": "table",
        "description": contract.description,
        "dataGranularityDescription": next((part for part in parts if part.startswith("one row")), contract.description),
        "properties": [_property(column, table, contract) for column in contract.columns],
        "quality": [_quality(check) for check in checks],
    }


def _property(column: Column, table: Table, contract: Contract) -> dict[str, Any]:
    found: dict[str, Any] = {
        "name": column.name,
        "logicalType": _TYPES[column.data_type],
        "physicalType": column.sql_type,
        "description": column.description,
        "required": any("missing" in check for check in column.checks),
        "partitioned": column.name == table.period_column,
    }
    if column.name in table.key:
        found |= {"primaryKey": True, "primaryKeyPosition": table.key.index(column.name) + 1}
    if column.attributes.personal:
        found["classification"] = "personal"
    if column.attributes.additive_over is not None:
        over = column.attributes.additive_over
        found["customProperties"] = [{"property": "additiveOver", "value": over if over == "all" else list(over)}]
    if checks := [check for check in contract.listed_checks if check.column == column.name]:
        found["quality"] = [_quality(check) for check in checks]
    return found


def _quality(check: Check) -> dict[str, Any]:
    """A check as it stands in the contract that Soda verifies."""
    found = {
        "type": "custom",
        "engine": "soda",
        "name": check.name,
        "dimension": _DIMENSIONS[check.dimension],
        "severity": "warning" if check.warns else "error",
        "implementation": {check.type: check.body},
    }
    return found | ({"description": check.description} if check.description else {})
