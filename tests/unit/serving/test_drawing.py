"""The layout of a lineage: layers from left to right, nothing on top of anything else."""

from __future__ import annotations

import random
import re
from graphlib import CycleError
from itertools import combinations

import pytest

from headline.serving.drawing import BETWEEN_LAYERS, Box, drawn


def apart(one: Box, other: Box) -> bool:
    return (
        one.x + one.width <= other.x
        or other.x + other.width <= one.x
        or one.y + one.height <= other.y
        or other.y + other.height <= one.y
    )


@pytest.mark.parametrize("seed", range(8))
def test_boxes_lie_apart_and_lines_lead_to_the_right(seed: int) -> None:
    chance = random.Random(seed)
    names = [f"area.table_{'x' * chance.randrange(12)}{number}" for number in range(25)]
    edges = {tuple(sorted(chance.sample(range(25), 2))) for _ in range(40)}
    drawing = drawn(names, [(names[one], names[other]) for one, other in edges])
    boxes = {box.name: box for box in drawing.boxes}
    assert set(boxes) == set(names)
    assert len(drawing.lines) == len(edges)
    assert all(apart(one, other) for one, other in combinations(drawing.boxes, 2))
    for line in drawing.lines:
        start, end = boxes[line.start], boxes[line.end]
        assert start.x + start.width + BETWEEN_LAYERS <= end.x
        assert line.path.startswith(f"M{start.x + start.width:.0f} {start.y + start.height / 2:.0f}C")
        assert line.path.endswith(f"{end.x:.0f} {end.y + end.height / 2:.0f}")
    assert max(box.x + box.width for box in drawing.boxes) == drawing.width
    assert max(box.y + box.height for box in drawing.boxes) <= drawing.height
    assert min(box.y for box in drawing.boxes) >= 0


def test_a_line_past_a_layer_runs_beside_its_boxes() -> None:
    drawing = drawn([], [("a.one", "a.two"), ("a.two", "a.three"), ("a.one", "a.three")])
    [middle] = [box for box in drawing.boxes if box.name == "a.two"]
    [long] = [line for line in drawing.lines if (line.start, line.end) == ("a.one", "a.three")]
    [(height, end)] = re.findall(r"(\d+)H(\d+)C", long.path)
    assert int(end) == round(middle.x + middle.width)
    assert not middle.y <= int(height) <= middle.y + middle.height


def test_lines_that_need_not_cross_do_not() -> None:
    drawing = drawn([], [("a.a", "b.z"), ("a.b", "b.y"), ("a.c", "b.x")])
    y = {box.name: box.y for box in drawing.boxes}
    assert [y["a.a"], y["a.b"], y["a.c"]] == [y["b.z"], y["b.y"], y["b.x"]]


def test_what_nothing_leads_to_lies_beside_what_it_leads_to() -> None:
    drawing = drawn([], [("a.one", "a.two"), ("a.two", "a.three"), ("a.other", "a.three")])
    x = {box.name: box.x for box in drawing.boxes}
    assert x["a.other"] == x["a.two"] > x["a.one"]


def test_one_box_alone_and_a_circle() -> None:
    [box] = drawn(["core.orders.amount"], []).boxes
    assert (box.small, box.large, box.x, box.y) == ("core.orders", "amount", 0, 0)
    with pytest.raises(CycleError):
        drawn([], [("a.a", "a.b"), ("a.b", "a.a")])
