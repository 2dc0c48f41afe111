"""What a browser sends with a form, whatever stands in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qs

from fastapi import Request

Lists = Mapping[str, Sequence[str]]


async def sent_fields(request: Request) -> tuple[dict[str, str], Lists]:
    """Each field with its last value, without spaces around it; and with all values, as they came."""
    lists = parse_qs((await request.body()).decode(errors="replace"))
    return {name: values[-1].strip() for name, values in lists.items()}, lists


def sent_key(fields: Mapping[str, str]) -> str:
    """What names the runs of a form, so that the same form sent twice starts them once; letters and digits only."""
    return "".join(letter for letter in fields.get("key", "") if letter.isalnum())[:20]


def new_key() -> str:
    """The key of a form that is shown."""
    return f"{datetime.now(UTC):%H%M%S%f}"
