"""What is a record of a text format: an object that says something, and no key of it twice."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, NamedTuple

from headline.sources.json_text import loads, raw_decode, repeated_key
from headline.sources.names import name_key
from headline.sources.refused import ORIGIN, REPEATED_KEY, RESERVED, UNREADABLE, refused
from headline.sources.text import is_text

_BLANKS = " \t\r\n"


def record_of(value: Any, origin: str, text: str | None = None) -> dict[str, Any]:
    """A record as it arrived; refused where it is no object, says nothing, or has a key twice, be it in other letters."""
    names = _names(tuple(value)) if isinstance(value, dict) else _Names(is_empty=True)
    if names.is_empty:
        return refused(UNREADABLE, json.dumps(value) if text is None else text, origin)
    try:
        key = repeated_key(value) or names.repeated
    except RecursionError:
        return refused(UNREADABLE, "it is nested too deep" if text is None else text, origin)
    if not key:
        for name in names.reserved:
            value[f"{name} (arrived)"] = value.pop(name)
        value[ORIGIN] = origin
        return value
    return refused(REPEATED_KEY, f"{key}: {json.dumps(value) if text is None else text}", origin)


def records_of(line: str, origin: str) -> list[dict[str, Any]]:
    """The records of a line: one object, several in a row, or a list; quarantined if it has none."""
    try:
        values = _values(line) if is_text(line) else []
    except ValueError:
        values = []
    return [record_of(value, origin, line) for value in values] or [refused(UNREADABLE, line.strip(), origin)]


def _values(line: str) -> list[Any]:
    try:
        value = loads(line)
    except ValueError:
        return _one_behind_another(line)
    is_list = isinstance(value, list) and len(value) > 0 and all(isinstance(one, dict) for one in value)
    return value if is_list else [value]


def _one_behind_another(line: str) -> list[Any]:
    """Objects between which a line break was lost; raises ValueError where anything else stands there."""
    found: list[Any] = []
    rest = line.strip(_BLANKS)
    while rest:
        value, end = raw_decode(rest, 0)
        if not isinstance(value, dict):
            raise ValueError("it is no record")
        found.append(value)
        rest = rest[end:].lstrip(_BLANKS)
    return found


class _Names(NamedTuple):
    """What the names of a record's fields say: whether none of them lands, the first that SQL cannot tell from one before it, and
    those that are spelled as columns of our own."""

    is_empty: bool
    repeated: str = ""
    reserved: tuple[str, ...] = ()


@lru_cache(1024)
def _names(names: tuple[str, ...]) -> _Names:
    """Hardly any record has other names than those before, so that names are judged once."""
    keys = list(map(name_key, names))
    again = (name or "the empty key" for place, name in enumerate(names) if keys[place] in keys[:place])
    repeated = next(again, "") if len(set(keys)) < len(keys) else ""
    reserved = tuple(name for name, key in zip(names, keys, strict=True) if key in RESERVED)
    return _Names(set(keys) <= {"", "ds"}, repeated, reserved)
