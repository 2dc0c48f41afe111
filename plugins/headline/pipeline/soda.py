"""All that Headline knows of Soda beyond its public entry point: contracts parsed once, answers handed in, verdicts read.

Soda's entry point parses a contract each time, asks for a schema through information_schema and runs each query of a check by
itself. Here Soda builds its own statement for the built-in checks and judges every check by its own thresholds; the measurements
of the others are handed to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from copy import copy
from datetime import UTC, datetime
from functools import cache, partial
from typing import Any, NamedTuple

from soda_core.common.data_source_impl import DataSourceImpl
from soda_core.common.data_source_results import QueryResult
from soda_core.common.logs import Logs, LogsCollector, preserve_active_logs
from soda_core.common.metadata_types import ColumnMetadata
from soda_core.common.sql_ast import CASE_WHEN, COUNT, DISTINCT, TUPLE, SqlExpression, SqlExpressionStr
from soda_core.common.yaml import ContractYamlSource
from soda_core.contracts.contract_verification import CheckResult, ContractVerificationResult, Measurement
from soda_core.contracts.impl.check_types.duplicate_check import MultiColumnDistinctCountMetricImpl
from soda_core.contracts.impl.contract_verification_impl import CheckImpl, ContractImpl, ContractYaml, MetricImpl, Query

DATA_SOURCE = "warehouse"
# What a check on the schema is measured by, and a check with a query of its own.
Measured = list[ColumnMetadata] | int | Any
_PARAMETERS = re.compile(r"\((\d+)(?:, *(\d+))?\)$")


class Judged(NamedTuple):
    """What Soda says of a contract: a result of each check in its order, and the errors on the way."""

    results: list[CheckResult]
    errors: list[str]


class _Parsed(NamedTuple):
    contract: ContractYaml
    errors: list[str]


class _Answers(Query):
    """Measurements that were taken already."""

    def __init__(self, source: DataSourceImpl, values: Mapping[str, Measured], metrics: Mapping[str, MetricImpl]) -> None:
        super().__init__(data_source_impl=source, metrics=list(metrics.values()))
        self._measurements = [
            Measurement(metric_id=metric.id, value=metric.convert_db_value(values[path]), metric_name=metric.type)
            for path, metric in metrics.items()
            if path in values
        ]

    def execute(self) -> list[Measurement]:
        return self._measurements


class _Contract(ContractImpl):
    """A contract without the summary that Soda writes into its log: the audit logs its own results."""

    def build_log_summary(self, *_: Any, **__: Any) -> list[str]:
        return []


class _Built(NamedTuple):
    """A contract whose checks and statements Soda has built for a dataset; each verification lends it a connection and a log.

    `metrics`: those that are measured here, by the path of their check. `queries`: Soda's own. `errors`: why it cannot be judged.
    """

    contract: _Contract
    source: DataSourceImpl
    metrics: dict[str, MetricImpl]
    queries: list[Query]
    errors: list[str]


# By contract, dataset and kind of data source: building takes Soda longer than the statement and the verdicts.
_BUILT: dict[tuple[str, str, type], _Built] = {}


def prepare(contract: str, dataset: str, source: DataSourceImpl) -> None:
    """Parse a contract and build its checks, for `judge` in this process, or in one that is forked from it.

    `source` needs no connection.
    """
    _built(contract, dataset, source)


def judge(contract: str, dataset: str, source: DataSourceImpl, values: Mapping[str, Measured]) -> Judged:
    """Soda's verdict on `dataset` (schema.table), with `values` for the checks on the schema and those with a query of their own.

    One of these without a value is not evaluated. `contract` is JSON; the dataset that it names does not matter.
    """
    parsed, built = _parsed(contract), _built(contract, dataset, source)
    if built.errors:
        return Judged([], parsed.errors + built.errors)
    judged, logs = built.contract, built.contract.logs
    judged.started_timestamp = judged.data_timestamp = judged.execution_timestamp = datetime.now(UTC)
    judged.queries = [*built.queries, _Answers(built.source, values, built.metrics)]
    logs.gatherer = LogsCollector()
    built.source.data_source_connection = source.data_source_connection
    try:
        with logs.activate():
            result: ContractVerificationResult = judged.verify()
        return Judged(result.check_results, parsed.errors + logs.get_errors())
    finally:
        built.source.data_source_connection = None
        judged.queries = []


def statements(contract: str, dataset: str, source: DataSourceImpl) -> list[str]:
    """What `judge` asks of the dataset, in DuckDB's dialect."""
    return [query.build_sql() for query in _built(contract, dataset, source).queries]


def _built(contract: str, dataset: str, source: DataSourceImpl) -> _Built:
    key = (contract, dataset, type(source))
    if key not in _BUILT:
        _BUILT[key] = _build(contract, dataset, source)
    return _BUILT[key]


def _build(contract: str, dataset: str, source: DataSourceImpl) -> _Built:
    retargeted, own = copy(_parsed(contract).contract), copy(source)
    retargeted.dataset = "/".join([DATA_SOURCE, *dataset.split(".")])
    own.data_source_connection = None
    with preserve_active_logs():
        logs = Logs()
        built = _Contract(yaml=retargeted, data_source_impl=own, logs=logs)
        logs.close()
    metrics = {check.relative_path: check.metrics[0] for check in built.all_check_impls if _is_measured_here(check)}
    ids = {metric.id for metric in metrics.values()}
    queries = [query for query in built.queries if not (query.metrics and {one.id for one in query.metrics} <= ids)]
    for query in queries:
        for metric in getattr(query, "aggregation_metrics", ()):
            if isinstance(metric, MultiColumnDistinctCountMetricImpl) and len(metric.column_expressions) > 1:
                # Soda makes a text of each row and hashes that, which takes the engine twice as long.
                metric.sql_expression = partial(_distinct_rows, metric.column_expressions, metric.check_filter)
        # It would be rewritten at each verification.
        query.build_sql = partial(str, query.build_sql())
    for check in built.all_check_impls:
        # Soda writes the definition of each check as YAML into its result, which costs more than the check itself.
        check._build_definition = str
    return _Built(built, own, metrics, queries, logs.get_errors())


def _distinct_rows(columns: list[Any], check_filter: str | None) -> SqlExpression:
    """The number of distinct rows of several columns; a NULL is a value like others."""
    condition = SqlExpressionStr.optional(check_filter)
    return COUNT(DISTINCT(CASE_WHEN(condition, TUPLE(columns)) if condition else TUPLE(columns)))


def column_metadata(source: DataSourceImpl, described: Iterable[tuple[str, str]]) -> list[ColumnMetadata]:
    """Columns (name, and type as the engine writes it: `DECIMAL(18,4)`) as a check on the schema is measured by them."""
    dialect = source.sql_dialect
    parameters = (dialect.column_data_type_numeric_precision(), dialect.column_data_type_numeric_scale())
    headings = tuple((heading,) for heading in ("column_name", "data_type", *parameters))
    rows = [(name, kind, *_precision_and_scale(kind)) for name, kind in described]
    return dialect.build_column_metadatas_from_query_result(QueryResult(rows, headings))


def _is_measured_here(check: CheckImpl) -> bool:
    return bool(check.metrics) and (check.type == "schema" or bool(getattr(check.check_yaml, "query", None)))


def _precision_and_scale(kind: str) -> tuple[int | None, int | None]:
    found = _PARAMETERS.search(kind)
    return (int(found[1]), int(found[2] or 0)) if found else (None, None)


@cache
def _parsed(contract: str) -> _Parsed:
    with preserve_active_logs():
        logs = Logs()
        parsed = ContractYaml.parse(yaml_source=ContractYamlSource.from_str(contract))
        logs.close()
    return _Parsed(parsed, logs.get_errors())
