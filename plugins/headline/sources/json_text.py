"""JSON with its numbers kept as text, and its duplicate keys found."""

from __future__ import annotations

import json
from typing import Any


class _Repeated(dict[str, Any]):
    """An object with a duplicate key; `key`: the first of them."""

    key = ""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    repeated = _Repeated(found)
    names = [name for name, _ in pairs]
    repeated.key = next(name for name in names if names.count(name) > 1)
    return repeated


_DECODER = json.JSONDecoder(parse_float=str, parse_int=str, parse_constant=str, object_pairs_hook=_object)


def loads(text: str | bytes) -> Any:
    """JSON with its numbers kept as text: money never passes through a float."""
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text), "surrogatepass")
    try:
        return _DECODER.decode(text)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def raw_decode(text: str, start: int) -> tuple[Any, int]:
    """The value that begins at this place, read as by `loads`, and the place behind it; raises ValueError where there is none."""
    try:
        return _DECODER.raw_decode(text, start)
    except RecursionError as error:
        raise ValueError("it is nested too deep") from error


def repeated_key(value: Any) -> str:
    if isinstance(value, _Repeated):
        return value.key or "the empty key"
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((key for one in parts if isinstance(one, dict | list) and (key := repeated_key(one))), "")
