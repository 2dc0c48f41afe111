"""Where the next page of an answer begins, as a text that says nothing to its reader."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from headline.errors import BadRequest

T = TypeVar("T")
_FOREIGN = "this cursor is of another request: take `next` of an answer with the same parameters, or begin without a cursor"


def write_cursor(of: str, place: Mapping[str, Any]) -> str:
    """A cursor; `of`: the request that it is the next page of."""
    text = json.dumps([_digest(of), place], default=str)
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(of: str, cursor: str | None, understand: Callable[[Mapping[str, Any]], T], first: T) -> T:
    """Where a page begins, `first` without a cursor. `understand` makes of a place what it means.

    Raises BadRequest for what is no cursor of this request.
    """
    if cursor is None:
        return first
    try:
        digest, place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if digest == _digest(of):
            return understand(place)
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise BadRequest(_FOREIGN) from None
    raise BadRequest(_FOREIGN)


def _digest(of: str) -> str:
    return hashlib.sha256(of.encode()).hexdigest()[:12]
