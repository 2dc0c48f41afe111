"""The graph of Headline's own DAGs, as one DAG of tasks that do nothing: what Airflow costs whatever is computed."""

from typing import Any

from airflow.sdk import DAG, BaseOperator

from headline import specs


class NothingOperator(BaseOperator):
    """Does nothing, but in a process of its own; an EmptyOperator would never be started."""

    def execute(self, context: Any) -> None:
        pass


with DAG("bench_nothing", schedule=None) as bench_nothing:
    catalog = specs.load()
    last: dict[str, NothingOperator] = {}
    for name, pipeline in catalog.pipelines.items():
        last[name] = NothingOperator(task_id=name)
        if isinstance(pipeline, specs.Source):
            NothingOperator(task_id=f"{name}_ingest") >> last[name]
    for name, task in last.items():
        for other in catalog.inputs_of(name):
            last[other] >> task
