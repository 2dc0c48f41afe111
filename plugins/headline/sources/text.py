"""Records of text formats become columns of text: nothing is parsed, so nothing is lost before the SQL that maps it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from typing import Any

import pyarrow as pa

from headline.errors import BadData
from headline.intervals import Interval
from headline.sources.columns import MOST
from headline.sources.landing import Part, Unfit


def loads(text: str | bytes) -> Any:
    """JSON with its numbers left as the text that stood there: money never passes through a float."""
    return json.loads(text, parse_float=str, parse_int=str, parse_constant=str)


def text_of(value: Any) -> str | None:
    """A field as text: null stays null, lists and objects stay JSON."""
    if value is None or isinstance(value, str):
        return value
    return json.dumps(value)


def batch(records: Iterable[Mapping[str, Any]]) -> pa.RecordBatch:
    """Records as columns of text, in the order in which the columns first appear."""
    rows = list(records)
    names = dict.fromkeys(name for row in rows for name in row)
    arrays = [pa.array([text_of(row.get(name)) for row in rows], pa.string()) for name in names]
    return pa.RecordBatch.from_arrays(arrays, names=list(names))


def by_day(
    records: Iterable[Mapping[str, Any]], column: str, interval: Interval, where: str, *, skip_others: bool = False
) -> Iterator[Part]:
    """The records of each day of the interval, told by an ISO date or timestamp in `column`.

    Raises BadData where there is none, or where it names another day and others are not to be skipped; Unfit where hardly a
    record tells its day: the column has changed.
    """
    days: dict[date, list[Mapping[str, Any]]] = defaultdict(list)
    strangers: list[Any] = []
    undated: list[Mapping[str, Any]] = []
    count = 0
    for count, record in enumerate(records, start=1):  # noqa: B007 (the last count is the number of records)
        try:
            day = date.fromisoformat(str(record.get(column))[:10])
        except ValueError:
            strangers.append(record.get(column))
            undated.append(record)
            continue
        if interval.start <= day < interval.end:
            days[day].append(record)
        elif not skip_others:
            strangers.append(record.get(column))
    if len(undated) > MOST * count:
        message = f"{where}: {len(undated)} of {count} records have no {column} that tells the day of a record"
        raise Unfit(message, [(interval.start, batch([*undated, *(record for rows in days.values() for record in rows)]))])
    if strangers:
        raise BadData(
            f"{where}: {len(strangers)} record(s) have a {column} that is no day of {interval}, such as {strangers[0]!r}; "
            "nothing was loaded. Ask the owner of the source, or narrow what is asked for"
        )
    for day, rows in sorted(days.items()):
        yield day, batch(rows)
