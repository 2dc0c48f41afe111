"""What cannot be read as agreed: the record is kept by itself, with the reason, the text that arrived and where it stood."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

# Columns of a landed file, there where a record of it was refused: the reason, the text that arrived, where it stood, and which
# of its columns cannot be read, in small letters as `,<column>,<column>,`.
REFUSAL, REFUSED_TEXT, ORIGIN, UNREAD = "headline_refusal", "headline_text", "headline_origin", "headline_unread"
RESERVED = frozenset({REFUSAL, REFUSED_TEXT, ORIGIN, UNREAD})
UNREADABLE, REPEATED_KEY, WRONG_FIELD_COUNT = "unreadable_record", "repeated_key", "wrong_field_count"
NOT_ASKED_FOR, NO_BUSINESS_DAY = "not_of_the_days_asked_for", "missing_business_day"
LONGEST_TEXT = 500


def storable(text: str) -> str:
    """The text as every store takes it: half a surrogate pair and NUL become U+FFFD."""
    if text.isascii():
        return text.replace("\0", "\ufffd") if "\0" in text else text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "\ufffd")


def name_key(name: str) -> str:
    """What makes a column's name one of its own: not the case of its letters, which SQL ignores. Empty where it has none."""
    return storable(name).casefold().strip()


def spelled(name: str, names: Iterable[str]) -> str | None:
    """The one of these names that SQL takes for this one; None where there is none."""
    there = list(names)
    return name if name in there else next((one for one in there if name_key(one) == name_key(name)), None)


def refused(reason: str, text: str, origin: str) -> dict[str, Any]:
    """A record of which nothing is known but that it could not be read."""
    return {REFUSAL: reason, REFUSED_TEXT: storable(text)[:LONGEST_TEXT], ORIGIN: origin}
