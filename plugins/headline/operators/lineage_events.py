"""What a task reads and writes, as OpenLineage has it: datasets, columns, rows, and the outcome of checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Any

from airflow.providers.openlineage import conf
from airflow.providers.openlineage.extractors import OperatorLineage
from openlineage.client.event_v2 import InputDataset, OutputDataset
from openlineage.client.facet_v2 import (
    column_lineage_dataset,
    data_quality_assertions_dataset,
    data_quality_metrics_input_dataset,
    documentation_dataset,
    output_statistics_output_dataset,
    schema_dataset,
    sql_job,
)

from headline import settings
from headline.errors import SpecError
from headline.operators.steps import IngestOperator, WriteAuditPublishOperator
from headline.pipeline import TableRun
from headline.specs import Catalog, Contract, Pipeline, Source, Table, load_for, read_contract
from headline.sql import column_lineage
from headline.warehouse import CONNECTION
from headline.warehouse.naming import dataset_of

LANDING = "landing."
# What has judged nothing says neither that a check found issues nor that it did not.
WITHOUT_RESULT = ("insufficient_history", "not_evaluated")


def begun(operator: Any) -> OperatorLineage:
    """What a task that begins will read and write."""
    catalog, pipeline = _of(operator)
    if isinstance(operator, IngestOperator):
        return OperatorLineage(outputs=[_output(name, pipeline) for name in _landed(pipeline)])
    outputs = [_output(table.full_name, pipeline, _described(table)) for table in pipeline.ordered_tables]
    return OperatorLineage(inputs=list(_inputs(catalog, pipeline)), outputs=outputs)


def ended(operator: Any, *, is_failure: bool = False) -> OperatorLineage:
    """What a task that has ended has read, written and found. One that has failed has published nothing."""
    catalog, pipeline = _of(operator)
    if isinstance(operator, IngestOperator):
        return OperatorLineage(outputs=list(_ingested(operator, pipeline)))
    runs = {one.table: one for one in operator.done}
    inputs = [*_inputs(catalog, pipeline), *_judged(pipeline, runs)]
    outputs = [] if is_failure else list(_published(catalog, pipeline, runs))
    jobs = {"sql": sql_job.SQLJobFacet(operator.sql)} if operator.sql and conf.is_source_enabled() else {}
    return OperatorLineage(inputs=inputs, outputs=outputs, job_facets=jobs)


def _of(operator: IngestOperator | WriteAuditPublishOperator) -> tuple[Catalog, Pipeline]:
    catalog = load_for(operator.pipeline)
    return catalog, catalog.pipelines[operator.pipeline]


def _landed(pipeline: Pipeline) -> list[str]:
    return sorted(pipeline.landed) if isinstance(pipeline, Source) else []


def _address(name: str, pipeline: Pipeline) -> tuple[str, str]:
    """Namespace and name of a table, or of a landing of the source itself: where its files lie."""
    if not name.startswith(LANDING):
        return dataset_of(name, CONNECTION)
    scheme, _, place = settings.load().landing.rstrip("/").partition("://")
    folder = f"{pipeline.id}/{name.removeprefix(LANDING)}"
    if scheme == "file":
        return "file", f"{place}/{folder}"
    bucket, _, prefix = place.partition("/")
    return f"{scheme}://{bucket}", f"{prefix}/{folder}".lstrip("/")


def _output(name: str, pipeline: Pipeline, facets: Mapping[str, Any] | None = None, **written: Any) -> OutputDataset:
    return OutputDataset(*_address(name, pipeline), facets=dict(facets or {}), outputFacets=written)


def _inputs(catalog: Catalog, pipeline: Pipeline) -> Iterator[InputDataset]:
    """What the pipeline reads of others, and what has landed for it."""
    filled_by = catalog.filled_by
    for name in sorted(pipeline.inputs):
        facets = _described(filled_by[name]) if name in filled_by and not name.startswith("quarantine.") else {}
        yield InputDataset(*_address(name, pipeline), facets=facets)


def _ingested(operator: IngestOperator, pipeline: Pipeline) -> Iterator[OutputDataset]:
    """What has landed, with its rows and files; a landing that failed is left out."""
    for landing, outcome in sorted(operator.ingested.items()):
        if "error" not in outcome:
            rows, files = outcome["rows"], outcome["files"]
            written = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=rows, fileCount=files)
            yield _output(f"{LANDING}{landing}", pipeline, outputStatistics=written)


def _judged(pipeline: Pipeline, runs: Mapping[str, TableRun]) -> Iterator[InputDataset]:
    """The tables that an audit has read, with the number of rows and what each check has found."""
    for table in pipeline.ordered_tables:
        if (run := runs.get(table.full_name)) and run.checks:
            contract, _ = read_contract(table)
            facets: dict[str, Any] = {
                "dataQualityMetrics": data_quality_metrics_input_dataset.DataQualityMetricsInputDatasetFacet(
                    columnMetrics={}, rowCount=run.row_count
                ),
                "dataQualityAssertions": data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
                    assertions=list(_assertions(run.checks, contract))
                ),
            }
            yield InputDataset(*_address(table.full_name, pipeline), inputFacets=facets)


def _assertions(outcomes: Mapping[str, str], contract: Contract | None) -> Iterator[data_quality_assertions_dataset.Assertion]:
    known = {check.path: check for check in contract.listed_checks} if contract else {}
    for told, outcome in outcomes.items():
        check = known.get(told.partition(": ")[0])
        if check and outcome not in WITHOUT_RESULT:
            yield data_quality_assertions_dataset.Assertion(
                assertion=check.type,
                success=outcome == "passed",
                column=check.column or None,
                severity="warn" if check.warns else "error",
                name=check.name,
                description=check.description,
                params={"outcome": outcome, "dimension": check.dimension},
            )


def _published(catalog: Catalog, pipeline: Pipeline, runs: Mapping[str, TableRun]) -> Iterator[OutputDataset]:
    """The tables of a run, with where each column comes from and how many rows were written: quarantined ones too, and none
    where nothing had changed."""
    filled_by = catalog.filled_by
    for table in pipeline.ordered_tables:
        if run := runs.get(table.full_name):
            facets = _described(table) | _columns(table, filled_by, pipeline)
            written = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(rowCount=run.rows_written)
            yield _output(table.full_name, pipeline, facets, outputStatistics=written)


def _described(table: Table) -> dict[str, Any]:
    contract, _ = read_contract(table)
    if contract is None:
        return {}
    fields = [
        schema_dataset.SchemaDatasetFacetFields(name=column.name, type=column.sql_type, description=column.description)
        for column in contract.columns
    ]
    return {
        "schema": schema_dataset.SchemaDatasetFacet(fields=fields),
        "documentation": documentation_dataset.DocumentationDatasetFacet(description=contract.description),
    }


def _columns(table: Table, filled_by: Mapping[str, Table], pipeline: Pipeline) -> dict[str, Any]:
    """Of each column those whose values go into it; nothing where the SQL cannot be understood."""
    with suppress(SpecError):
        fields = {
            name: column_lineage_dataset.Fields(inputFields=list(_fields(origins, pipeline)))
            for name, origins in column_lineage(table, filled_by).items()
            if origins
        }
        return {"columnLineage": column_lineage_dataset.ColumnLineageDatasetFacet(fields=fields)}
    return {}


def _fields(origins: Iterable[Any], pipeline: Pipeline) -> Iterator[column_lineage_dataset.InputField]:
    for origin in origins:
        direct = [column_lineage_dataset.Transformation(type="DIRECT")]
        yield column_lineage_dataset.InputField(*_address(origin.table, pipeline), origin.column, direct)
