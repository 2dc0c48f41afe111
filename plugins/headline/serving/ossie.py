"""Metrics as Apache Ossie, the open semantic interchange, version 0.1.1: what other semantic layers and BI tools read."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlglot import exp

from headline.specs import Column, Table, load_contract
from headline.specs.metrics import Metric
from headline.sql import parse

VERSION = "0.1.1"


def semantic_model(metrics: Iterable[Metric]) -> dict[str, Any]:
    """All metrics as one semantic model, with a data set for each table that they are computed from.

    What Ossie has no word for, such as unit, grain and materiality, is an extension of the vendor COMMON, as JSON.
    """
    known = list(metrics)
    tables = {metric.of.full_name: metric.of for metric in known}
    model = {
        "name": "headline",
        "description": "The metrics that Headline publishes, each by day, week or month.",
        "datasets": [_dataset(table) for table in tables.values()],
        "metrics": [_metric(metric) for metric in known],
    }
    return {"version": VERSION, "semantic_model": [model]}


def _dataset(table: Table) -> dict[str, Any]:
    contract = load_contract(table)
    return {
        "name": _name(table),
        "source": table.full_name,
        "primary_key": [*dict.fromkeys(name for name in (table.period_column, *table.key) if name)],
        "description": contract.description,
        "fields": [_field(column, table) for column in contract.columns],
    }


def _field(column: Column, table: Table) -> dict[str, Any]:
    """Columns of the key, the period and texts are what one groups by; the others are what is aggregated."""
    found: dict[str, Any] = {"name": column.name, "expression": _sql(column.name), "description": column.description}
    if column.name in {table.period_column, *table.key} or column.data_type in ("varchar", "date", "boolean"):
        found["dimension"] = {"is_time": column.data_type in ("date", "timestamp")}
    return found


def _metric(metric: Metric) -> dict[str, Any]:
    said = {
        "table": metric.of.full_name,
        "unit": metric.unit,
        "grain": metric.grain,
        "segments": metric.segments,
        "direction": metric.direction,
        "owner": metric.owner or metric.pipeline.area,
        "tier": metric.tier,
        "materiality": metric.materiality,
    }
    return {
        "name": metric.name,
        "expression": _sql(_qualified(metric)),
        "description": metric.description,
        "custom_extensions": [{"vendor_name": "COMMON", "data": json.dumps(said)}],
    }


def _qualified(metric: Metric) -> str:
    """The aggregate with each column as `data set.column`, since a metric of Ossie stands beside the data sets."""
    query = parse(f"select {metric.sql} as metric from {metric.of.full_name}", metric.name)
    for column in query.find_all(exp.Column):
        column.set("table", exp.to_identifier(_name(metric.of)))
    return query.selects[0].unalias().sql()


def _name(table: Table) -> str:
    return table.full_name.replace(".", "_")


def _sql(expression: str) -> dict[str, Any]:
    return {"dialects": [{"dialect": "ANSI_SQL", "expression": expression}]}
