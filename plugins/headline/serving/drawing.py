"""Where the boxes and lines of a lineage lie: in layers from left to right, with few crossings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from itertools import pairwise

# In pixels. A line that passes a layer takes a place of its own there, so that it runs beside the boxes.
LETTER, PADDING, HEIGHT, PLACE = 7.3, 10, 42, 12
BETWEEN_LAYERS, BETWEEN_BOXES = 56, 10
SWEEPS = 12


@dataclass(frozen=True)
class Box:
    """One box: the name that it stands for, the two lines in it, and where it lies."""

    name: str
    small: str
    large: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Line:
    """A line between two boxes; `path`: as SVG's `d`."""

    start: str
    end: str
    path: str


@dataclass(frozen=True)
class Drawing:
    """Boxes and lines with the size of the whole."""

    width: float
    height: float
    boxes: Sequence[Box]
    lines: Sequence[Line]


# Within the layout: a box by its name, or where a line passes a layer by (start, end, layer).
_Place = str | tuple[str, str, int]


def drawn(names: Iterable[str], edges: Iterable[tuple[str, str]]) -> Drawing:
    """Boxes for these names (`schema.table`, or `schema.table.column`) and lines between them.

    A line leads to a layer further right. Raises CycleError for edges in a circle.
    """
    all_edges = sorted({*edges})
    layer_of = _layers(sorted({*names, *(name for edge in all_edges for name in edge)}), all_edges)
    ways = {edge: _way(edge, layer_of) for edge in all_edges}
    layers = _placed(layer_of, ways)
    neighbours = _neighbours(ways.values())
    layers = _ordered(layers, neighbours)
    y = _heights(layers, neighbours)
    x, widths = _columns(layers)
    boxes = [
        Box(name, *_lines(name), x[layer], y[name], widths[layer], HEIGHT)
        for layer, places in enumerate(layers)
        for name in places
        if isinstance(name, str)
    ]
    lines = [Line(*edge, _path(way, layer_of[edge[0]], x, widths, y)) for edge, way in ways.items()]
    height = max((y[place] + _height(place) for places in layers for place in places), default=0)
    return Drawing(x[-1] + widths[-1] if layers else 0, height, boxes, lines)


def _lines(name: str) -> tuple[str, str]:
    small, _, large = name.rpartition(".")
    return small, large


def _layers(names: Sequence[str], edges: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Each name after all that lead to it, and what nothing leads to as near as can be to what it leads to."""
    before: dict[str, set[str]] = {name: set() for name in names}
    after: dict[str, set[str]] = {name: set() for name in names}
    for start, end in edges:
        before[end].add(start)
        after[start].add(end)
    layer: dict[str, int] = {}
    for name in TopologicalSorter(before).static_order():
        layer[name] = max((layer[one] + 1 for one in before[name]), default=0)
    return {
        name: min(layer[one] for one in after[name]) - 1 if after[name] and not before[name] else found
        for name, found in layer.items()
    }


def _way(edge: tuple[str, str], layer_of: Mapping[str, int]) -> list[_Place]:
    start, end = edge
    return [start, *((start, end, layer) for layer in range(layer_of[start] + 1, layer_of[end])), end]


def _placed(layer_of: Mapping[str, int], ways: Mapping[tuple[str, str], Sequence[_Place]]) -> list[list[_Place]]:
    layers: list[list[_Place]] = [[] for _ in range(max(layer_of.values(), default=-1) + 1)]
    for name, layer in layer_of.items():
        layers[layer].append(name)
    for way in ways.values():
        for place in way[1:-1]:
            layers[place[2]].append(place)  # type: ignore[index]
    return layers


def _neighbours(ways: Iterable[Sequence[_Place]]) -> tuple[dict[_Place, list[_Place]], dict[_Place, list[_Place]]]:
    """Of each place those in the layer before, and those in the layer after."""
    before: dict[_Place, list[_Place]] = {}
    after: dict[_Place, list[_Place]] = {}
    for way in ways:
        for one, other in pairwise(way):
            before.setdefault(other, []).append(one)
            after.setdefault(one, []).append(other)
    return before, after


def _ordered(layers: Sequence[Sequence[_Place]], neighbours: Sequence[Mapping[_Place, Sequence[_Place]]]) -> list[list[_Place]]:
    """Each layer in the order of the middle of its neighbours, back and forth; of all tries that with the fewest crossings."""
    found = [list(layer) for layer in layers]
    best, fewest = [list(layer) for layer in found], _crossings(found, neighbours[1])
    for sweep in range(SWEEPS):
        near = neighbours[sweep % 2]
        rank = {place: number / max(len(layer), 1) for layer in found for number, place in enumerate(layer)}
        for layer in found if sweep % 2 == 0 else reversed(found):
            layer.sort(key=lambda place: _mean([rank[one] for one in near.get(place, ())], rank[place]))
            rank |= {place: number / len(layer) for number, place in enumerate(layer)}
        if (crossings := _crossings(found, neighbours[1])) < fewest:
            best, fewest = [list(layer) for layer in found], crossings
    return best


def _crossings(layers: Sequence[Sequence[_Place]], after: Mapping[_Place, Sequence[_Place]]) -> int:
    count = 0
    for layer, following in pairwise(layers):
        rank = {place: number for number, place in enumerate(following)}
        ends = [rank[other] for place in layer for other in sorted(after.get(place, ()), key=rank.__getitem__)]
        count += sum(one > other for number, one in enumerate(ends) for other in ends[number + 1 :])
    return count


def _heights(layers: Sequence[Sequence[_Place]], neighbours: Sequence[Mapping[_Place, Sequence[_Place]]]) -> dict[_Place, float]:
    """The upper edge of each place: as near to the height of its neighbours as its layer's order leaves room for."""
    y: dict[_Place, float] = {}
    for layer in layers:
        _stack(layer, [0.0] * len(layer), y)
    for sweep in range(SWEEPS):
        near = neighbours[sweep % 2]
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            wanted = [
                _mean([y[one] + _height(one) / 2 for one in near.get(place, ())], y[place] + _height(place) / 2)
                for place in layer
            ]
            _stack(layer, wanted, y)
    top = min(y.values(), default=0)
    return {place: found - top for place, found in y.items()}


def _stack(layer: Sequence[_Place], wanted: Sequence[float], y: dict[_Place, float]) -> None:
    """Put the places of a layer below each other, with their middles as wanted on average where they would overlap."""
    blocks: list[tuple[list[_Place], float, float]] = []  # places, their height together, the sum of where their tops are wanted
    for place, middle in zip(layer, wanted, strict=True):
        block: tuple[list[_Place], float, float] = ([place], _height(place) + BETWEEN_BOXES, middle - _height(place) / 2)
        while blocks and blocks[-1][2] / len(blocks[-1][0]) + blocks[-1][1] > block[2] / len(block[0]):
            places, height, tops = blocks.pop()
            block = (places + block[0], height + block[1], tops + block[2] - height * len(block[0]))
        blocks.append(block)
    for places, _, tops in blocks:
        top = tops / len(places)
        for place in places:
            y[place] = top
            top += _height(place) + BETWEEN_BOXES


def _columns(layers: Sequence[Sequence[_Place]]) -> tuple[list[float], list[float]]:
    """Where each layer begins, and how wide it is."""
    widths = [
        max((len(part) * LETTER + 2 * PADDING for name in layer if isinstance(name, str) for part in _lines(name)), default=0.0)
        for layer in layers
    ]
    starts = [0.0]
    for width in widths[:-1]:
        starts.append(starts[-1] + width + BETWEEN_LAYERS)
    return starts, widths


def _path(way: Sequence[_Place], first: int, x: Sequence[float], widths: Sequence[float], y: Mapping[_Place, float]) -> str:
    """From the right of a box to the left of another, straight through the places between."""
    middle = [y[place] + _height(place) / 2 for place in way]
    path = f"M{x[first] + widths[first]:.0f} {middle[0]:.0f}"
    for number, height in enumerate(middle[1:], 1):
        layer = first + number
        bend = x[layer] - BETWEEN_LAYERS / 2
        path += f"C{bend:.0f} {middle[number - 1]:.0f} {bend:.0f} {height:.0f} {x[layer]:.0f} {height:.0f}"
        if number < len(middle) - 1:
            path += f"H{x[layer] + widths[layer]:.0f}"
    return path


def _height(place: _Place) -> int:
    return HEIGHT if isinstance(place, str) else PLACE


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
