"""Two chains of tasks in one pool, alike but for what a task does: nothing, or one transform."""

from typing import Any

from airflow.sdk import DAG, BaseOperator
from airflow.sdk.bases.operator import chain

from headline.dag import PARAMS, POOL
from headline.operators import TransformOperator

LENGTH = 10


class NothingOperator(BaseOperator):
    """Does nothing, but in a process of its own; an EmptyOperator would never be started."""

    def execute(self, context: Any) -> None:
        pass


with DAG("bench_nothing", schedule=None) as bench_nothing:
    chain(*(NothingOperator(task_id=f"nothing_{number}", pool=POOL) for number in range(LENGTH)))

with DAG("bench_transform", schedule=None, params=PARAMS) as bench_transform:
    chain(
        *(
            TransformOperator(task_id=f"transform_{number}", pipeline="core_shop", table="order_lines", pool=POOL)
            for number in range(LENGTH)
        )
    )
