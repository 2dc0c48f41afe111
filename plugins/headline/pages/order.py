"""In which order DAGs run that somebody names, and what they wait for that none of them brings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import date

from headline import settings
from headline.errors import HeadlineError
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, lacking_in_words, missing_inputs
from headline.specs import Catalog, reached


def ordered(catalog: Catalog, dag_ids: Sequence[str]) -> list[str]:
    """Each DAG once, after those that it reads; what is no pipeline comes last, as it was named."""
    place = {pipeline.id: number for number, pipeline in enumerate(catalog.in_order())}
    named = list(dict.fromkeys(dag_ids))
    return sorted(named, key=lambda one: place.get(one, len(place) + named.index(one)))


def notes(catalog: Catalog, asked: Sequence[str], dag_ids: Sequence[str]) -> Iterator[str]:
    """What somebody should know of the order before the first run begins. `asked`: the DAGs as they were named."""
    if list(dict.fromkeys(asked)) != list(dag_ids):
        yield f"in the order in which they read each other: {' '.join(dag_ids)}"
    if between := _between(catalog, dag_ids):
        wanted = " ".join(ordered(catalog, [*dag_ids, *between]))
        yield (
            f"left out between them is {', '.join(between)}: what reads it sees what it made before. "
            f"To compute it too: headline trigger {wanted}"
        )


def waits(catalog: Catalog, dag_id: str, first: date, last: date) -> Iterator[str]:
    """What a pipeline waits for on these days, and the command that brings it; nothing where the ledger does not tell."""
    pipeline = catalog.pipelines.get(dag_id)
    if pipeline is None or not catalog.inputs_of(dag_id):  # a source brings what it reads
        return
    always_there = {"calendar.days", *settings.load().without}
    reads = {name: window for name, window in pipeline.inputs.items() if name not in always_there}
    missing = {}
    with suppress(HeadlineError):
        missing = missing_inputs(reads, Interval(first, last + DAY), Ledger())
    if not missing:
        return
    makers = {catalog.makers[name].id for name in missing}
    above = {one for maker in makers for one in [maker, *reached(maker, catalog.inputs_of)]}
    days = sorted(day for found in missing.values() for day in found)
    yield f"{dag_id} waits for {lacking_in_words(missing)}, and goes on as soon as that is published. In another terminal:"
    yield f"  headline trigger {' '.join(ordered(catalog, sorted(above)))} --from {days[0]} --to {days[-1]}"


def _between(catalog: Catalog, dag_ids: Sequence[str]) -> list[str]:
    """The pipelines that are not named, read one that is, and are read by another that is."""
    named = [one for one in dag_ids if one in catalog.pipelines]
    found = {
        other
        for one in named
        for other in reached(one, catalog.inputs_of)
        if other not in named and set(reached(other, catalog.inputs_of)) & set(named)
    }
    return ordered(catalog, sorted(found))
