"""Charts of metrics: Vega-Lite in YAML beside the SQL, drawn to SVG in this process, without a browser and without a network."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from headline import settings
from headline.errors import SpecError
from headline.serving.series import Point, Series
from headline.serving.text import period, title, told, unit_of
from headline.specs import read_yaml
from headline.specs.metrics import Metric

# Widths in pixels that a chart is drawn at: for a desk and for a phone.
WIDE, NARROW = 860, 300
MOST_SEGMENTS = 6
DATA = "metric"


@dataclass(frozen=True)
class Chart:
    """A chart as a page shows it. `wide`, `narrow`: SVG; `spec`: the same as Vega-Lite with its data, for a browser that draws
    it itself; `alt`: what it shows in words."""

    wide: str
    narrow: str
    spec: dict[str, Any]
    alt: str


def chart(series: Sequence[Series]) -> Chart:
    """The chart of a metric, or of its first MOST_SEGMENTS segments. Raises SpecError for a spec that Vega-Lite does not draw."""
    shown = list(series)[:MOST_SEGMENTS]
    metric = shown[0].metric
    file = _spec_file(metric, is_segmented=bool(shown[0].segment))
    spec = _filled(read_yaml(file), file, metric, shown)
    alt = alternative(shown)
    text = json.dumps(spec)
    return Chart(_drawn(text, WIDE, alt, file.name), _drawn(text, NARROW, alt, file.name), spec, alt)


def alternative(series: Sequence[Series]) -> str:
    """What a chart shows, in words: extremes, the newest value, and how many periods are partial, open or restated."""
    metric = series[0].metric
    unit = f" in {unit_of(metric)}" if unit_of(metric) else ""
    return f"{title(metric)}{unit}. {' '.join(sentence for one in series for sentence in _in_words(one))}"


def _in_words(series: Series) -> Iterator[str]:
    metric, known = series.metric, [point for point in series.points if point.value is not None]
    name = f"{series.segment_value or 'unknown'}: " if series.segment else ""
    if not known:
        yield f"{name}no values."
        return
    low, high = (choose(known, key=lambda point: point.value or 0) for choose in (min, max))

    def at(point: Point) -> str:
        return f"{told(point.value, metric.unit)} ({period(point.start, point.end, metric.grain)})"

    yield f"{name}{len(known)} values, lowest {at(low)}, highest {at(high)}, newest {at(known[-1])}."
    counts = {status: sum(point.status == status for point in series.points) for status in ("partial", "open")}
    counts["restated"] = sum(point.is_restated for point in series.points)
    if marks := ", ".join(f"{count} {what}" for what, count in counts.items() if count):
        yield f"{marks}."


def _spec_file(metric: Metric, *, is_segmented: bool) -> Path:
    """The metric's own spec beside its SQL, or the shared one."""
    own = metric.pipeline.folder / f"{metric.name}.chart.yml"
    if not is_segmented and own.is_file():
        return own
    return settings.load().sql / "charts" / ("segments.yml" if is_segmented else "metric.yml")


def _filled(spec: Any, file: Path, metric: Metric, series: Sequence[Series]) -> dict[str, Any]:
    """A spec with its data and the metric's unit."""
    if not isinstance(spec, dict) or spec.get("data") != {"name": DATA}:
        raise SpecError([f"{file.name}: `data` must be {{name: {DATA}}}: a chart shows its metric and nothing from elsewhere"])
    params = [one | {"value": metric.unit} if one.get("name") == "unit" else one for one in spec.get("params", ())]
    return spec | {"params": params, "datasets": {DATA: [row for one in series for row in _rows(one)]}}


def _rows(series: Series) -> Iterator[dict[str, Any]]:
    """A row for each period; only the picture is drawn from floats, `told` is exact."""
    metric = series.metric
    for point in series.points:
        yield {
            "start": str(point.start),
            "segment": series.segment_value or ("unknown" if series.segment else ""),
            "value": None if point.value is None else float(point.value),
            "status": point.status,
            "restated": point.is_restated,
            "period": period(point.start, point.end, metric.grain),
            "told": f"{told(point.value, metric.unit)} {unit_of(metric)}".strip(),
            "note": note(point, metric),
        }


def note(point: Point, metric: Metric) -> str:
    """What a reader must know of a value besides it."""
    said = []
    if point.status == "open":
        said.append("open: the period has not ended")
    if point.status == "partial":
        said.append(f"partial, coverage {point.coverage:.1%}")
    if point.is_restated:
        said.append(f"restated; first reported {told(point.first, metric.unit)}")
    return "; ".join(said) or "complete"


@lru_cache(maxsize=256)
def _drawn(spec: str, width: int, alt: str, name: str) -> str:
    """SVG of a spec, the same for the same content; `alt` is what it is called for those who do not see it."""
    import vl_convert

    drawn = json.loads(spec) | {"width": width}
    if "layer" in drawn:  # no pointer is in a picture
        drawn["layer"] = [layer for layer in drawn["layer"] if layer.get("name") != "pointer"]
    try:
        svg = str(vl_convert.vegalite_to_svg(drawn, allowed_base_urls=[]))
    except ValueError as error:
        raise SpecError([f"{name}: Vega-Lite cannot draw it: {str(error).strip().splitlines()[0]}"]) from None
    return svg.replace("<svg ", f'<svg role="img" aria-label="{escape(alt)}" ', 1)
