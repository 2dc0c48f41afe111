"""A request in words: for the person who decides it, for a shell and for a message."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from headline.intervals import DAY
from headline.ledger import FigureRequest
from headline.ledger.figure_requests import ASKED, ISSUE, REFUSED

SHOWN = 40
_MARKUP = re.compile(r"([\\`*_{}\[\]<>()#+\-.!|~])")


def title(request: FigureRequest) -> str:
    """One line: what is to be decided."""
    first, last = request.start, request.end - DAY
    if request.kind == ISSUE:
        return f"Issue {len(request.figures)} figures of {request.pipeline}, {first} to {last}?"
    return f"Restate {len(material(request))} issued figures of {request.pipeline}, {first} to {last}?"


def body(request: FigureRequest, head: str) -> str:
    """All that is needed to decide, as Markdown: each figure with its old and new value, and what the difference comes from.

    `head`: of the ledger's chain, so that a copy of this text anchors it.
    """
    shown = material(request) or sorted(request.figures, key=_longest_first)
    lines = [
        f"Requested by {asked_by(request)}, who cannot decide it. Reason: {escaped(request.reason)}",
        "| metric | period | issued | new | difference | comes from |\n| --- | --- | ---: | ---: | ---: | --- |\n"
        + "\n".join(_row(one) for one in shown[:SHOWN]),
    ]
    if more := len(request.figures) - len(shown[:SHOWN]):
        lines.append(f"{more} more figures move with these; `headline figures request {request.id}` lists all of them.")
    lines.append(f"SHA-256 of the result: `{request.sha256}`. Head of the chain of figures: `{head or 'no figure yet'}`.")
    return "\n\n".join(lines)


def asked_by(request: FigureRequest) -> str:
    """Who has caused it, as Markdown."""
    return " and ".join(f"**{escaped(one)}**" for one in request.people)


def material(request: FigureRequest) -> list[Mapping[str, Any]]:
    """The figures that move by more than their limit, months before weeks and days."""
    found = [one for one in request.figures if one["is_material"]]
    return sorted(found, key=_longest_first)


def length(one: Mapping[str, Any]) -> int:
    """How many days the period of a figure has."""
    figure = one["figure"]
    return (date.fromisoformat(figure["end"]) - date.fromisoformat(figure["start"])).days


def _longest_first(one: Mapping[str, Any]) -> tuple[int, str, str]:
    return -length(one), one["figure"]["metric"], one["figure"]["start"]


def difference(one: Mapping[str, Any]) -> Decimal | None:
    """New less old, where both have a value."""
    old, new = one["old"], one["figure"]["value"]
    return None if old is None or new is None else Decimal(new) - Decimal(old)


def name(figure: Mapping[str, Any]) -> str:
    """A metric with its segment."""
    return f"{figure['metric']} ({figure['segment']})" if figure["segment"] else str(figure["metric"])


def number(value: Decimal | str | None, *, signed: bool = False) -> str:
    """A value as people read it: grouped, without zeros at the end."""
    if value is None:
        return "no value"
    known = Decimal(value)
    text = f"{known:+,f}" if signed else f"{known:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def parts(one: Mapping[str, Any]) -> str:
    """What a difference is put down to: `refunds -5,000; orders +20 (rates changed too)`."""
    return "; ".join(_parts(one))


def escaped(text: str) -> str:
    """What somebody wrote, as Markdown shows it and nothing else."""
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))


def held_back(request: FigureRequest) -> str:
    """Why a run publishes nothing: what would move, and who has to decide about it, or has."""
    moved = [one for one in request.figures if one["is_material"]]
    first = moved[0]["figure"]
    new = "no value" if first["value"] is None else first["value"]
    what = (
        f"{request.pipeline}: {len(moved)} issued figure(s) would move by more than the limit, such as {first['metric']} of "
        f"{first['start']} from {moved[0]['old'] or 'no value'} to {new}"
    )
    state = {
        ASKED: f"request {request.id} waits for an approval in Airflow's DAG approve_figures",
        REFUSED: f"{request.decided_by} has refused request {request.id}",
    }
    return (
        f"{what}. Nothing is published: {state.get(request.state, request.state)}; headline figures request {request.id} shows it"
    )


def _parts(one: Mapping[str, Any]) -> Iterator[str]:
    for part in one["parts"]:
        besides = f" ({', '.join(part['besides'])} changed too)" if part["besides"] else ""
        yield f"{part['cause']} {number(part['amount'], signed=True)}{besides}"


def _row(one: Mapping[str, Any]) -> str:
    figure = one["figure"]
    period = figure["start"] if length(one) == 1 else f"{figure['start']} to {date.fromisoformat(figure['end']) - DAY}"
    moved = difference(one)
    cells = [
        *(escaped(name(figure)), period, "" if one["old"] is None else number(one["old"]), number(figure["value"])),
        *("" if moved is None else number(moved, signed=True), escaped(parts(one))),
    ]
    return f"| {' | '.join(cells)} |"
