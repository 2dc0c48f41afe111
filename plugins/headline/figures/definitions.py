"""Whether every metric that was ever issued has a definition, and how far one of its figures may move."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from headline.ledger import FigureRow
from headline.ledger.known_figures import IssuedMetric
from headline.specs import Catalog, pipeline_folders
from headline.specs.metrics import Metric, limit, read_metrics


def undefined(catalog: Catalog, issued: Iterable[IssuedMetric], pipeline: str = "") -> list[str]:
    """The issued metrics whose figures nobody compares, a line each with what to do; none where every metric has a definition.

    One has where a metrics.yml defines it for the same grain, under its name or a later one, with a limit, or says that it is
    retired.
    `pipeline`: only those that this one has issued, and, where it has metrics, those of pipelines that are gone.
    """
    grains: dict[str, str] = {}
    retired: set[str] = set()
    for one in catalog.pipelines.values():
        found, faults = read_metrics(one)
        if faults:  # of a metric whose table is not there nothing is known
            continue
        retired |= found.retired.keys()
        for name, metric in found.issued.metrics.items():
            grains |= dict.fromkeys((name, *metric.renamed_from), metric.grain)
    there = {folder.name for folder in pipeline_folders()}
    has_metrics = pipeline in catalog.pipelines and read_metrics(catalog.pipelines[pipeline])[0].issued.metrics
    return [
        f"{one.name}: {one.pipeline} has issued it by the {one.grain}, and {_instead(one, grains)}: {_REMEDY}"
        for one in issued
        if (not pipeline or one.pipeline == pipeline or (has_metrics and one.pipeline not in there))
        and one.name not in retired
        and grains.get(one.name) != one.grain
    ]


_REMEDY = (
    "define it again, name it under `renamed_from` of the metric that it is now, or list it under `retired` of a metrics.yml"
)


def _instead(one: IssuedMetric, grains: dict[str, str]) -> str:
    return f"it is one by the {grains[one.name]} now" if one.name in grains else "no metrics.yml defines it with a `materiality`"


def limit_of(before: FigureRow, metric: Metric) -> Decimal:
    """How far a figure may move from what was issued without approval: a limit that was raised since does not count for it."""
    assert before.value is not None  # noqa: S101 (for the type checker)
    told = (metric.materiality, before.materiality)
    return min(limit(one, before.value) for one in told if one)
