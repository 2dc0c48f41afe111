"""How the columns that arrived differ from those that were agreed, column by column."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from headline.drift.renames import guess_renames, percent
from headline.ledger import ColumnChange
from headline.sources.columns import EMPTY, MOST, TEXT, Columns, is_filled, share, widens, written_as


def column_changes(
    agreed: Mapping[str, Collection[str]],
    arrived: Columns,
    before: Columns | None,
    known: Callable[[], Collection[str]],
    *,
    is_sparse: bool = False,
) -> list[ColumnChange]:
    """What has changed: the agreed columns first, then those that nobody reads and nobody knew.

    `before`: what arrived last, if anything did. `known`: names that are not news. `is_sparse`: the source may leave a column
    out of a record, so that one which few records have may be missing by chance, and a new name may begin in mid-day.
    """
    unread = [name for name in arrived.kinds if not any(_same_name(name, one) for one in agreed)]
    news = set(unread).difference(known()) if unread else set()
    missing = [name for name in agreed if not arrived.find(name) and not (is_sparse and _may_be_chance(name, arrived, before))]
    if is_sparse and before and news:
        missing += _given_up(agreed, arrived, before, news)
    renamed = guess_renames(missing, unread, arrived, before) if before else {}
    changes = []
    for name, kinds in agreed.items():
        if name in renamed:
            other, evidence = renamed[name]
            changes.append(ColumnChange(name, "renamed", _was(name, kinds, before), arrived.described(other), other, evidence))
        elif spelled := arrived.find(name):
            changes += _retyped(spelled, kinds, arrived, before)
        elif name in missing:
            changes.append(ColumnChange(name, "removed", _was(name, kinds, before)))
    news.difference_update(other for other, _ in renamed.values())
    return changes + [ColumnChange(name, "added", after=arrived.described(name)) for name in unread if name in news]


def _retyped(name: str, agreed: Collection[str], arrived: Columns, before: Columns | None) -> Iterator[ColumnChange]:
    """A column fits if it is of a kind that the mapping casts it to, or of the kind that it was when it arrived last."""
    kind = arrived.kinds[name]
    spelled = before.find(name) if before else None
    was = before.kinds[spelled] if before and spelled else EMPTY
    if was != EMPTY and not _fits(name, (was, *agreed), arrived):
        yield ColumnChange(name, "retyped", was, kind)
    elif kind == TEXT and agreed and TEXT not in agreed:
        values = arrived.values(name)
        strange = 1 - share(written_as(values, agreed)) if len(values) else 0
        # What could not be read before either is none of the source's making: the mapping copes with it.
        if strange > MOST and not (before and was == TEXT and _is_strange(before.values(str(spelled)), agreed)):
            wanted = " or ".join(sorted(agreed))
            evidence = f"{percent(strange)} of its values cannot be read as {wanted}"
            yield ColumnChange(name, "retyped", wanted, arrived.described(name), evidence=evidence)


def _fits(name: str, kinds: Collection[str], arrived: Columns) -> bool:
    kind = arrived.kinds[name]
    if any(widens(kind, other) for other in kinds):
        return True
    if kind == "double" and not {"integer", "bigint"}.isdisjoint(kinds):  # whole numbers and nulls, as some programs write them
        values = arrived.values(name)
        return bool(pc.all(pc.or_(pc.is_nan(values), pc.equal(pc.floor(values), values)), min_count=0).as_py())
    return False


def _was(name: str, agreed: Collection[str], before: Columns | None) -> str:
    spelled = before.find(name) if before else None
    if before and spelled:
        return before.described(spelled)
    return " or ".join(sorted(agreed)) or TEXT


def _may_be_chance(name: str, arrived: Columns, before: Columns | None) -> bool:
    """Whether a column that so few records had before may well be missing from all of these."""
    spelled = before.find(name) if before else None
    if not before or not spelled:
        return False
    has_value = share(is_filled(before.read(spelled)))
    return bool((1 - has_value) ** arrived.row_count > 0.01)


def _is_strange(values: pa.ChunkedArray, kinds: Collection[str]) -> bool:
    return len(values) > 0 and share(written_as(values, kinds)) < 1 - MOST


def _given_up(agreed: Collection[str], arrived: Columns, before: Columns, news: Collection[str]) -> list[str]:
    """Columns that most records had until now, and none has any more that has one of the new ones.

    A new column is read once, for there may be thousands of them.
    """
    has_old: dict[str, pa.ChunkedArray] = {}
    for name in agreed:
        spelled, was = arrived.find(name), before.find(name)
        if spelled and was and len(before.values(was)) > MOST * len(before.read(was)):
            has_old[name] = is_filled(arrived.read(spelled))
    given_up: set[str] = set()
    for other in news:
        has_new = is_filled(arrived.read(other))
        if pc.any(has_new).as_py():
            rest = has_old.keys() - given_up
            given_up |= {name for name in rest if not pc.any(pc.and_(has_new, has_old[name])).as_py()}
    return [name for name in has_old if name in given_up]


def _same_name(one: str, other: str) -> bool:
    return one.casefold() == other.casefold()
