"""A line as small as a word: SVG by hand, because Vega takes a tenth of a second for each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape

from headline.serving.series import Point

WIDTH, HEIGHT, EDGE = 120, 28, 3


def sparkline(points: Sequence[Point], label: str) -> str:
    """SVG of the values in order; a period without a value is a gap, and the newest value is a dot. Empty without two values.

    Its colours are those of the classes `spark`, `partial` and `open` of the page.
    """
    values = [point.value for point in points if point.value is not None]
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    step = (WIDTH - 2 * EDGE) / (len(points) - 1)

    def place(number: int, point: Point) -> str:
        share = float((point.value - low) / (high - low)) if high > low and point.value is not None else 0.5
        return f"{EDGE + number * step:.1f},{HEIGHT - EDGE - share * (HEIGHT - 2 * EDGE):.1f}"

    lines = "".join(f'<polyline points="{" ".join(line)}"/>' for line in _lines(points, place))
    number, newest = next((place, point) for place, point in reversed(list(enumerate(points))) if point.value is not None)
    x, y = place(number, newest).split(",")
    dot = f'<circle class="{newest.status}" cx="{x}" cy="{y}" r="2.5"/>'
    return (
        f'<svg class="spark" role="img" aria-label="{escape(label)}" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
        f'height="{HEIGHT}">{lines}{dot}</svg>'
    )


def _lines(points: Sequence[Point], place: Callable[[int, Point], str]) -> Iterator[list[str]]:
    """The places of neighbouring periods that have a value."""
    line: list[str] = []
    for number, point in enumerate(points):
        if point.value is None:
            if line:
                yield line
            line = []
        else:
            line.append(place(number, point))
    if line:
        yield line
