"""The graph of Headline's own DAGs, with tasks that do nothing: what Airflow costs whatever is computed.

Once as the same DAGs, which wait for each other in the triggerer, and once as a single DAG, in which nothing has to wait.
"""

import os
from pathlib import Path
from typing import Any

from airflow.sdk import DAG, BaseOperator
from airflow.triggers.base import StartTriggerArgs

from headline import specs

MARKS = Path(os.environ["HEADLINE_HOME"]) / "bench_nothing"
SECONDS_TO_LOOK = 0.05


class NothingOperator(BaseOperator):
    """Does nothing, but in a process of its own; an EmptyOperator would never be started.

    :param done: the mark to leave for those that wait for it.
    :param awaited: the mark that it waits for before it starts.
    """

    def __init__(self, *, done: str = "", awaited: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.done = done
        if awaited:
            self.start_from_trigger = True
            self.start_trigger_args = StartTriggerArgs(
                trigger_cls="airflow.providers.standard.triggers.file.FileTrigger",
                trigger_kwargs={"filepath": str(MARKS / awaited), "poke_interval": SECONDS_TO_LOOK},
                next_method="execute_complete",
                timeout=None,
            )

    def execute(self, context: Any) -> None:  # noqa: ARG002
        if self.done:
            MARKS.mkdir(exist_ok=True)
            (MARKS / self.done).touch()
            for name, others in inputs.items():
                if self.done in others and all((MARKS / other).exists() for other in others):
                    (MARKS / f"{name} may start").touch()

    def execute_complete(self, context: Any, event: Any = None) -> None:  # noqa: ARG002
        self.execute(context)


catalog = specs.load()
inputs = {
    name: {catalog.makers[table].id for table in pipeline.inputs if table in catalog.makers} - {name}
    for name, pipeline in catalog.pipelines.items()
}
for name, pipeline in catalog.pipelines.items():
    with DAG(f"bench_nothing_{name}", schedule=None) as dag:
        awaited = f"{name} may start" if inputs[name] else ""
        last = NothingOperator(task_id="write_audit_publish", done=name, awaited=awaited)
        if isinstance(pipeline, specs.Source):
            NothingOperator(task_id="ingest") >> last
    globals()[dag.dag_id] = dag

with DAG("bench_nothing", schedule=None) as bench_nothing:
    tasks = {name: NothingOperator(task_id=name) for name in catalog.pipelines}
    for name, task in tasks.items():
        if isinstance(catalog.pipelines[name], specs.Source):
            NothingOperator(task_id=f"{name}_ingest") >> task
        for other in inputs[name]:
            tasks[other] >> task
