"""Which DAGs the installation starts follows from the DAG files; tests/dags compares that with what Airflow loads."""

from headline import specs
from headline.local.dag_files import of_operations, of_pipelines


def test_a_pipeline_comes_after_those_that_it_reads() -> None:
    catalog, ordered = specs.load(), of_pipelines()
    assert set(ordered) == set(catalog.pipelines)
    assert [
        (name, read) for name in ordered for read in catalog.inputs_of(name) if ordered.index(read) > ordered.index(name)
    ] == []


def test_what_is_no_pipeline_looks_after_them() -> None:
    assert {"freshness_watch", "repair"} <= set(of_operations())
    assert not set(of_operations()) & set(specs.load().pipelines)
