"""Charts of the report as SVG: the same bytes for the same figures."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from headline.report.layout import folder
from headline.specs import read_yaml

if TYPE_CHECKING:
    from headline.report.content import Chart

FORMATS = {"share": ".1%", "ratio": ".2f"}
LABELS = {"month": "%b %y", "week": "%-d %b", "day": "%-d"}


def draw(chart: Chart) -> str:
    """A chart as include/report/chart.yml says, with its figures; nothing is fetched from anywhere."""
    import vl_convert

    spec: dict[str, Any] = read_yaml(folder() / "chart.yml")
    # A picture may round what the tables beside it say exactly.
    values = [{"label": label(start, chart.grain), "value": _for_the_eye(value)} for start, value in chart.points]
    spec["data"] = {"values": values}
    spec["encoding"]["y"]["axis"]["format"] = FORMATS.get(chart.unit, "~s")
    return vl_convert.vegalite_to_svg(json.dumps(spec), allowed_base_urls=[])


def label(start: date, grain: str) -> str:
    return f"{start:{LABELS[grain]}}"


def _for_the_eye(value: Decimal) -> float:
    return float(round(value, 6))
