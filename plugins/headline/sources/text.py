"""Records of text formats become columns of text: nothing is parsed, so nothing is lost before the SQL that maps it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from itertools import islice
from typing import Any, TypeVar

import pyarrow as pa

from headline.errors import BadData
from headline.intervals import Interval
from headline.sources.columns import MOST
from headline.sources.landing import Part, Unfit
from headline.sources.spool import ROWS_AT_A_TIME

T = TypeVar("T")
_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str)


def loads(text: str | bytes) -> Any:
    """JSON with its numbers left as the text that stood there: money never passes through a float."""
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    return _DECODER.decode(text)


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


def chunks(items: Iterable[T], size: int = ROWS_AT_A_TIME) -> Iterator[list[T]]:
    """The items in lists of so many; memory holds one of them."""
    iterator = iter(items)
    while chunk := list(islice(iterator, size)):
        yield chunk


def by_day(
    records: Iterable[Mapping[str, Any]], column: str, interval: Interval, where: str, *, skip_others: bool = False
) -> Iterator[Part]:
    """The records of each day of the interval, told by an ISO date or timestamp in `column`, as they come.

    Raises BadData, when all have come, where there is none, or where it names another day and others are not to be skipped;
    Unfit where hardly a record tells its day: the column has changed.
    """
    undated, strange, count = 0, 0, 0
    example: Any = None
    for chunk in chunks(records):
        days: dict[date, list[Mapping[str, Any]]] = defaultdict(list)
        for record in chunk:
            try:
                day = date.fromisoformat(str(record.get(column))[:10])
            except ValueError:
                undated += 1
                example = record.get(column) if undated + strange == 1 else example
                days[interval.start].append(record)
                continue
            if interval.start <= day < interval.end:
                days[day].append(record)
            elif not skip_others:
                strange += 1
                example = record.get(column) if undated + strange == 1 else example
        count += len(chunk)
        for day, rows in sorted(days.items()):
            yield day, batch(rows)
    if undated > MOST * count:
        raise Unfit(f"{where}: {undated} of {count} records have no {column} that tells the day of a record", interval.start)
    if undated + strange:
        raise BadData(
            f"{where}: {undated + strange} record(s) have a {column} that is no day of {interval}, such as {example!r}; "
            "nothing was loaded. Ask the owner of the source, or narrow what is asked for"
        )
