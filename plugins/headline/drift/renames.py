"""Which new column a column that is gone has most likely become: a guess, by type, values and name."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from difflib import SequenceMatcher
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headline.sources.columns import MOST, TEXT, Columns, base, share, written_as

LIKELY = 0.5
_TIMES = {"date", "timestamp", "timestamp with time zone"}
_NUMBERS = {"integer", "decimal", "double"}


def guess_renames(gone: Sequence[str], unread: Sequence[str], arrived: Columns, before: Columns) -> dict[str, tuple[str, str]]:
    """For each column that is gone the one that it most likely became, and what speaks for it; each of them once."""
    guesses = []
    is_only_pair = len(gone) == len(unread) == 1
    olds = {name: _Seen.of(before, was) for name in gone if (was := before.find(name))}
    for other in unread if olds else ():
        new = _Seen.of(arrived, other)  # read once, for there may be thousands of them
        for name, old in olds.items():
            if _same_kind(old, new):
                if len(old.values) and len(new.values):
                    likeness, evidence = _likeness(old.values, new.values, base(old.described))
                else:
                    likeness, evidence = (0.8, "no other column came") if is_only_pair else (0.5, "similar name")
                score = 0.6 * likeness + 0.4 * _similarity(name, other)
                guesses.append((score, name, other, f"same type, {evidence if likeness >= 0.25 else 'similar name'}"))
    found: dict[str, tuple[str, str]] = {}
    taken: set[str] = set()
    for score, name, other, evidence in sorted(guesses, reverse=True):
        if score >= LIKELY and name not in found and other not in taken:
            found[name] = other, evidence
            taken.add(other)
    return found


@dataclass(frozen=True)
class _Seen:
    """A sample of a column, the kind that it arrives as and the one that its values can be read as."""

    values: pa.ChunkedArray
    kind: str
    described: str

    @classmethod
    def of(cls, columns: Columns, name: str) -> _Seen:
        return cls(columns.values(name), base(columns.kinds[name]), columns.described(name))


def _same_kind(old: _Seen, new: _Seen) -> bool:
    if old.kind != TEXT or not len(old.values) or not len(new.values):
        return old.kind == new.kind
    kinds = {old.described, new.described}
    return len(kinds) == 1 or kinds <= _NUMBERS


def _likeness(old: pa.ChunkedArray, new: pa.ChunkedArray, kind: str) -> tuple[float, str]:
    """How much alike the values are, from 0 to 1, and the words for it."""
    if kind in _NUMBERS:
        (low, high), (other_low, other_high) = _reach(old, "decimal", float), _reach(new, "decimal", float)
        union = max(high, other_high) - min(low, other_low)
        overlap = max(0.0, min(high, other_high) - max(low, other_low)) / union if union else 1.0
        return overlap, f"its range of values is the same to {percent(overlap)}"
    if kind in _TIMES:
        (low, high), (other_low, other_high) = _reach(old, kind, _days), _reach(new, kind, _days)
        narrow, wide = sorted([high - low, other_high - other_low])
        near = max(low, other_low) - min(high, other_high) <= 2  # another day of the same
        return (0.5 + 0.5 * (narrow / wide if wide else 1.0)) * near, "times of the same days"
    old, new = _texts(old), _texts(new)
    seen = share(pc.is_in(new, value_set=pc.unique(old)))
    # Free text is written alike anyhow; numbers of orders or customers are not.
    alike = share(pc.is_in(_shape(new), value_set=pc.unique(_shape(old)))) if share(_has_digit(new)) > MOST else 0.0
    if seen >= 0.8 * alike:
        return seen, f"{percent(seen)} of its values were seen before"
    return 0.8 * alike, f"{percent(alike)} of its values are written like those before"


def percent(part: float) -> str:
    return f"{100 * part:.0f} %"


def _reach(values: pa.ChunkedArray, kind: str, measured: Callable[[Any], float]) -> tuple[float, float]:
    """From where to where nine tenths of the values reach."""
    if pa.types.is_string(values.type):
        values = values.filter(written_as(values, [kind]))
    is_moment = pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)
    measures = sorted(_days_since(values) if is_moment else [measured(value) for value in values.to_pylist()]) or [0.0]
    return measures[len(measures) // 20], measures[-1 - len(measures) // 20]


def _days(moment: date | str) -> float:
    moment = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    seconds = moment.hour * 3600 + moment.minute * 60 + moment.second if isinstance(moment, datetime) else 0
    return moment.toordinal() + seconds / 86400


def _days_since(values: pa.ChunkedArray) -> list[float]:
    """Moments of a type of their own as `_days` counts them, those too that lie outside of Python's calendar."""
    values = values if pa.types.is_timestamp(values.type) else values.cast(pa.date32())
    seconds = values.cast(pa.timestamp("s"), safe=False).cast(pa.int64())
    return [second / 86400 + date(1970, 1, 1).toordinal() for second in seconds.to_pylist()]


def _texts(values: pa.ChunkedArray) -> pa.ChunkedArray:
    return values if pa.types.is_string(values.type) else pa.chunked_array([[str(value) for value in values.to_pylist()]])


def _shape(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """`C-0042` and `C-17` are written alike."""
    letters = pc.replace_substring_regex(texts, r"\pL+", "a")
    return pc.replace_substring_regex(letters, r"\pN+", "9")


def _has_digit(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    return pc.match_substring_regex(texts, r"\pN")


def _similarity(name: str, other: str) -> float:
    """How similar two names are, from 0 to 1: by their letters or by their words."""
    one, two = (re.findall(r"[A-Z]?[a-z]+|[A-Z]+|\d+", each.rpartition(".")[2]) for each in (name, other))
    words, others = ({word.casefold() for word in each} for each in (one, two))
    letters = SequenceMatcher(None, "".join(one).casefold(), "".join(two).casefold()).ratio()
    return max(letters, len(words & others) / max(1, len(words | others)))
