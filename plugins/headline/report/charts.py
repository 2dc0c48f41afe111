"""Charts of the report as SVG: the same bytes for the same figures."""

from __future__ import annotations

import json
import re
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from headline.report.layout import folder
from headline.specs import read_yaml

if TYPE_CHECKING:
    from headline.report.parts import Chart

FORMATS = {"share": ".1%", "ratio": ".2f"}
# Where an id is given, and where one is named.
_DEFINED = re.compile(r'(?<=\bid=")[^"]+')
_NAMED = re.compile(r'(?<=\bid=")[^"]+|(?<=url\(#)[^)]+')
LABELS = {"month": "%b %y", "week": "%-d %b", "day": "%-d"}


def draw(chart: Chart) -> str:
    """A chart as include/report/chart.yml says, with its figures; nothing is fetched from anywhere."""
    import vl_convert

    spec: dict[str, Any] = read_yaml(folder() / "chart.yml")
    # A picture may round what the tables beside it say exactly.
    values = [{"label": label(start, chart.grain), "value": _for_the_eye(value)} for start, value in chart.points]
    spec["data"] = {"values": values}
    spec["encoding"]["y"]["axis"]["format"] = FORMATS.get(chart.unit, "~s")
    svg = vl_convert.vegalite_to_svg(json.dumps(spec), allowed_base_urls=[])
    return renumbered(svg, re.sub(r"[^a-z0-9]+", "-", chart.title.lower()))


def renumbered(svg: str, prefix: str) -> str:
    """With ids of its own: Vega counts them on from chart to chart, as long as the process lives."""
    ids = {old: f"{prefix}-{number}" for number, old in enumerate(dict.fromkeys(_DEFINED.findall(svg)))}
    return _NAMED.sub(lambda found: ids.get(found[0], found[0]), svg)


def label(start: date, grain: str) -> str:
    return f"{start:{LABELS[grain]}}"


def _for_the_eye(value: Decimal) -> float:
    return float(round(value, 6))
