"""Rules over metrics.yml: each metric fits to its table's contract, and its name and its owner are known everywhere."""

from __future__ import annotations

from collections.abc import Iterator

from sqlglot import exp

from headline.errors import SpecError
from headline.specs import Catalog, Pipeline, load_team, read_contract
from headline.specs.metrics import FILE, Metric, Metrics, read_metrics
from headline.sql import parse
from headline.sql.rules import violations

# What a sum or a mean of is a number.
NUMBERS = ("integer", "bigint", "decimal")


def metrics_are_defined(pipeline: Pipeline, catalog: Catalog) -> Iterator[str]:
    """metrics.yml fits to the contracts, puts differences down to what arrives, and no metric has two definitions."""
    found, faults = read_metrics(pipeline)
    yield from faults
    for cause, names in found.causes.items():
        yield from (f"{FILE}: causes.{cause}: nobody makes {name}" for name in names if name not in catalog.tables)
    for other in catalog.pipelines.values():
        taken = _names(found) & _names(read_metrics(other)[0]) if other.id != pipeline.id else ()
        yield from (f"{FILE}: metrics.{name}: {other.id} has a metric of that name" for name in sorted(taken))
    for metric in found.metrics.values() if not faults else ():
        yield from (f"{FILE}: metrics.{metric.name}: {fault}" for fault in (*_owner(metric), *_fits(metric)))


def _names(found: Metrics) -> set[str]:
    """Every name that a metrics.yml takes, also of metrics that are renamed or retired."""
    return {*found.metrics, *found.retired, *(former for formers in found.names.values() for former in formers)}


def _owner(metric: Metric) -> Iterator[str]:
    engineers = {engineer.id for engineer in load_team().engineers}
    if metric.owner and metric.owner not in engineers:
        yield f"owner: include/team.yml has no engineer {metric.owner}; there are: {', '.join(sorted(engineers))}"


def _fits(metric: Metric) -> Iterator[str]:
    """What of it is no number, tells of persons, or is not in the contract of its table."""
    contract, faults = read_contract(metric.of)
    if contract is None or faults:  # the rules of contracts say so
        return
    columns = {column.name: column for column in contract.columns}
    if metric.column and columns[metric.column].data_type not in NUMBERS:
        yield f"column: {metric.column} is {columns[metric.column].sql_type}, and a metric is a number"
    for name in metric.segments:
        if name in contract.personal_columns:
            yield f"segments: {name} tells of persons"
        if name == metric.of.period_column:
            yield f"segments: {name} is the period, which every metric is told by"
    if metric.expression:
        yield from _expression(metric.sql, set(columns))


def _expression(sql: str, columns: set[str]) -> Iterator[str]:
    try:
        query = parse(f"select {sql} as metric from metrics", "expression")
    except SpecError as error:
        yield from error.faults
        return
    if len(query.selects) != 1 or not query.find(exp.AggFunc) or query.find(exp.Window):
        yield "expression: write one aggregate over the rows of a period, such as sum(…) or count(…)"
    used = {column.name for column in query.find_all(exp.Column)}
    bare = [column for column in query.find_all(exp.Column) if not column.find_ancestor(exp.AggFunc)]
    yield from (f"expression: the contract has no column {name}" for name in sorted(used - columns))
    yield from (f"expression: {column.name} stands outside of every aggregate" for column in bare)
    yield from (f"expression: {violation}" for violation in violations(query))
