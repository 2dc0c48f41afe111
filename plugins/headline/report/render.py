"""The report as one HTML file and as PDF; whoever renders the same report has the same bytes, on any day."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from headline.intervals import DAY
from headline.report.charts import draw
from headline.report.layout import folder
from headline.report.parts import Report

# Colours of chart.yml, by what they are called in the style of the HTML page.
COLOURS = {"#2f5d8a": "var(--mark)", "#52606d": "var(--soft)", "#e3e7eb": "var(--line)", "Libertinus Serif": "inherit"}


@dataclass(frozen=True)
class Rendered:
    """Both files of a report."""

    html: bytes
    pdf: bytes


def render(report: Report) -> Rendered:
    """Both files, from the templates in include/report."""
    drawn = {chart.title: draw(chart) for area in report.areas for chart in area.charts}
    told = as_told(report)
    return Rendered(_html(told, drawn), _pdf(told, drawn))


def as_told(report: Report) -> dict[str, Any]:
    """All that a template may print, as text and lists."""
    areas = [asdict(area) | {"charts": [{"title": one.title, "alt": one.alt} for one in area.charts]} for area in report.areas]
    notes = [
        {"on": f"{one.on:%Y-%m-%d}", **{name: getattr(one, name) for name in ("heading", "reason", "left_out")}}
        | {"changes": [asdict(change) for change in one.changes]}
        for one in report.notes
    ]
    return {
        "company": report.company,
        "title": report.title,
        "month": f"{report.month.start:%B %Y}",
        "month_before": f"{report.month.start - DAY:%b %Y}",
        "short_month": f"{report.month.start:%b %Y}",
        "year_before": f"{report.month.start:%b} {report.month.start.year - 1}",
        "first_day": str(report.month.start),
        "last_day": str(report.month.end - DAY),
        "as_of": f"{report.as_of:%Y-%m-%d %H:%M} UTC",
        "as_of_day": f"{report.as_of:%Y-%m-%d}",
        "chain_head": report.chain_head,
        "is_restated": report.is_restated,
        "areas": areas,
        "notes": notes,
        "definitions": [asdict(one) for one in report.definitions],
        "missing": [one.title for one in report.missing],
    }


def _html(told: Mapping[str, Any], drawn: Mapping[str, str]) -> bytes:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=FileSystemLoader(folder()), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined
    )
    svgs = {title: Markup(_in_page(svg)) for title, svg in drawn.items()}  # noqa: S704 (Vega has escaped what is text)
    return environment.get_template("report.html").render(told, svg=svgs).encode()


def _in_page(svg: str) -> str:
    """A picture whose colours and font are the page's."""
    for told, meant in COLOURS.items():
        svg = svg.replace(told, meant)
    return svg


def _pdf(told: Mapping[str, Any], drawn: Mapping[str, str]) -> bytes:
    """Its fonts are those that typst brings along, so that it looks the same from every machine."""
    import typst

    given = {"report": json.dumps({**told, "svg": dict(drawn)})}
    return bytes(typst.compile(folder() / "report.typ", root=folder(), sys_inputs=given, ignore_system_fonts=True))
