"""Which metrics there are to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from headline.errors import BadRequest
from headline.specs import Pipeline
from headline.specs.metrics import Metric, read_metrics


def published_metrics(pipelines: Iterable[Pipeline]) -> dict[str, Metric]:
    """The metrics of some pipelines by name, in the order of their files; those of a faulty metrics.yml are left out.

    Whoever may see the DAG of `metric.pipeline` may read the metric.
    """
    found: dict[str, Metric] = {}
    for pipeline in pipelines:
        metrics, faults = read_metrics(pipeline)
        found |= {} if faults else metrics.metrics
    return found


def find_metric(name: str, among: Mapping[str, Metric]) -> Metric:
    """The metric of that name, also of a former one; raises BadRequest where there is none."""
    if name in among:
        return among[name]
    for metric in among.values():
        if name in metric.renamed_from:
            return metric
    raise BadRequest(f"no metric is called {name}: `headline metrics` lists them")
