"""Records that do not match the schema: each is kept with the reason, its original text and its position in the file."""

from __future__ import annotations

from typing import Any

from headline.sources.names import storable

# Columns of a landed file, there where a record of it was refused: the reason, the text that arrived, where it stood, and which
# of its columns cannot be read, in small letters as `,<column>,<column>,`.
REFUSAL, REFUSED_TEXT, ORIGIN, UNREAD = "headline_refusal", "headline_text", "headline_origin", "headline_unread"
RESERVED = frozenset({REFUSAL, REFUSED_TEXT, ORIGIN, UNREAD})
UNREADABLE, REPEATED_KEY, WRONG_FIELD_COUNT = "unreadable_record", "repeated_key", "wrong_field_count"
NOT_ASKED_FOR, NO_BUSINESS_DAY = "not_of_the_days_asked_for", "missing_business_day"
LONGEST_TEXT = 500


def refused(reason: str, text: str, origin: str) -> dict[str, Any]:
    """A record of which nothing is known but that it could not be read."""
    return {REFUSAL: reason, REFUSED_TEXT: storable(text)[:LONGEST_TEXT], ORIGIN: origin}
