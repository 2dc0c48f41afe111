"""Two chains of tasks, alike but for what a task does: nothing, or one transform."""

from typing import Any

from airflow.sdk import DAG, BaseOperator
from airflow.sdk.bases.operator import chain

from headline.dag import PARAMS
from headline.operators.context import pipeline_run

LENGTH = 10


class NothingOperator(BaseOperator):
    """Does nothing, but in a process of its own; an EmptyOperator would never be started."""

    def execute(self, context: Any) -> None:
        pass


class TransformOperator(BaseOperator):
    """Computes one table and leaves it at that."""

    def execute(self, context: Any) -> None:
        from headline.steps import transform

        run = pipeline_run("core_shop", context)
        transform(run, run.pipeline.tables["order_lines"])


with DAG("bench_nothing", schedule=None) as bench_nothing:
    chain(*(NothingOperator(task_id=f"nothing_{number}") for number in range(LENGTH)))

with DAG("bench_transform", schedule=None, params=PARAMS) as bench_transform:
    chain(*(TransformOperator(task_id=f"transform_{number}") for number in range(LENGTH)))
