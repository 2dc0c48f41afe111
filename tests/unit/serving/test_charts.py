"""Charts: drawn here from YAML, the same each time, with words for those who do not see them, and nothing from elsewhere."""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pytest

from headline import specs
from headline.errors import SpecError
from headline.ledger.figure_row import FigureRow
from headline.serving import Point, Series, published_metrics
from headline.serving.charts import MOST_SEGMENTS, chart, note
from headline.serving.sparkline import sparkline
from headline.specs.metrics import Metric

FIRST = date(2026, 3, 1)


def points(*values: str | None, **marks: str) -> list[Point]:
    """Days from FIRST on; `marks`: by number of the day its status."""
    return [
        Point(
            FIRST + timedelta(days=number),
            FIRST + timedelta(days=number + 1),
            None if value is None else Decimal(value),
            Decimal("0.5") if f"d{number}" in marks else Decimal(1),
            marks.get(f"d{number}", "complete"),  # type: ignore[arg-type]
        )
        for number, value in enumerate(values)
    ]


def metric(name: str = "daily_net_revenue") -> Metric:
    return published_metrics(specs.load().pipelines.values())[name]


def texts(svg: str) -> list[str]:
    return [element.text for element in ElementTree.fromstring(svg).iter() if element.tag.endswith("text") and element.text]


def test_a_chart_is_the_same_each_time_and_is_well_formed() -> None:
    series = [Series(metric(), "", points("1000", "3000.5", None, "2000", d1="partial", d3="open"))]
    first = chart(series)
    chart.__globals__["_drawn"].cache_clear()
    assert chart(series) == first
    for svg in (first.wide, first.narrow):
        drawn = ElementTree.fromstring(svg)
        assert (drawn.get("role"), drawn.get("aria-label")) == ("img", first.alt)
        assert "style=" not in svg, "no page may have a style of its own"
    assert {"1k", "2k", "3k"} <= set(texts(first.wide))


def test_it_says_in_words_what_it_shows() -> None:
    alt = chart([Series(metric(), "", points("1000", "3000.5", None, "2000", d1="partial", d3="open"))]).alt
    assert alt == (
        "Daily net revenue in EUR. 3 values, lowest 1,000.00 (Sun 2026-03-01), highest 3,000.50 (Mon 2026-03-02), "
        "newest 2,000.00 (Wed 2026-03-04). 1 partial, 1 open."
    )


def test_partial_open_and_restated_periods_are_marked() -> None:
    plain = chart([Series(metric(), "", points("1", "2", "3"))]).wide
    issued = FigureRow(
        *("p", "m", "d", "", FIRST, FIRST, Decimal(2), Decimal(1), "issued", "r", "r", "c", "c", "k", "i"), as_of=1
    )
    restated = [
        *points("1"),
        *[Point(p.start, p.end, p.value, p.coverage, p.status, issued, Decimal(5)) for p in points("2", "3")[1:]],
    ]
    assert note(restated[1], metric()) == "restated; first reported 5.00"
    for marked in (points("1", "2", "3", d1="partial"), points("1", "2", "3", d2="open"), restated):
        drawn = chart([Series(metric(), "", marked)])
        assert drawn.wide.count("mark-symbol") == plain.count("mark-symbol")
        assert drawn.wide.count("<path") > plain.count("<path")
        assert {row["note"] for row in drawn.spec["datasets"]["metric"]} > {"complete"}


def test_a_share_has_an_axis_in_per_cent() -> None:
    assert "50%" in texts(chart([Series(metric("daily_stickiness"), "", points("0.25", "0.5", "0.75"))]).wide)


def test_segments_are_lines_of_their_own_with_a_legend() -> None:
    names = ["beauty", "<script>alert(1)</script>", *"abcdefg"]
    drawn = chart([Series(metric(), f"category={name}", points("1", "2")) for name in names])
    assert {"beauty", "<script>alert(1)</script>"} <= set(texts(drawn.wide)), "as text, never as markup"
    assert "<script" not in drawn.wide
    assert drawn.wide.count("stroke-dasharray") >= MOST_SEGMENTS - 1, "told apart without colours too"
    assert "g" not in texts(drawn.wide), "no more than fit"


def test_a_metric_may_have_a_chart_of_its_own(project: Any) -> None:
    project.write(
        "core/core_shop/metrics.yml",
        "metrics:\n  paid: {description: What was paid., table: orders, column: amount, unit: users}\n",
    )
    found = metric("paid")
    series: Sequence[Series] = [Series(found, "", points("1", "2"))]
    own = "core/core_shop/paid.chart.yml"
    project.write(own, "data: {name: metric}\nmark: bar\nencoding: {y: {field: value, type: quantitative}}\n")
    assert "mark-rect" in chart(series).wide
    project.write(own, "data: {name: metric}\nmark: nothing\n")
    with pytest.raises(SpecError, match=r"paid\.chart\.yml: Vega-Lite cannot draw it"):
        chart(series)
    project.write(own, "data: {url: 'https://example.com/x.json'}\nmark: bar\n")
    with pytest.raises(SpecError, match="a chart shows its metric and nothing from elsewhere"):
        chart(series)


def test_nothing_is_loaded_from_elsewhere(project: Any) -> None:
    project.write(
        "core/core_shop/metrics.yml",
        "metrics:\n  paid: {description: What was paid., table: orders, column: amount, unit: users}\n",
    )
    project.write(
        "core/core_shop/paid.chart.yml", "data: {name: metric}\nlayer: [{data: {url: 'file:///etc/passwd'}, mark: bar}]\n"
    )
    with pytest.raises(SpecError, match=r"paid\.chart\.yml: Vega-Lite cannot draw it"):
        chart([Series(metric("paid"), "", points("1", "2"))])


def test_a_sparkline_has_a_gap_where_a_value_is_missing_and_ends_in_a_dot() -> None:
    svg = sparkline(points("1", "3", None, "2", "2", d4="open"), "paid & more")
    drawn = ElementTree.fromstring(svg)
    assert [line.get("points") for line in drawn.iter("polyline")] == ["3.0,25.0 31.5,3.0", "88.5,14.0 117.0,14.0"]
    assert [dot.get("class") for dot in drawn.iter("circle")] == ["open"]
    assert drawn.get("aria-label") == "paid & more"
    assert sparkline(points("1", None), "one value is no line") == ""
    assert "NaN" not in sparkline(points("2", "2"), "flat")
