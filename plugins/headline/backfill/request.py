"""What a form or a command asks for, read and checked; a request that makes no sense is refused before anything is planned."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from headline import settings
from headline.errors import BadRequest
from headline.intervals import DAY, Interval, business_day, requested_interval
from headline.ledger import Ledger, Request
from headline.specs import Catalog

EVERYTHING, STALE = "everything", "stale"
_FILLER = {
    *("test", "tests", "testing", "tested", "try", "trying", "asdf", "qwerty", "foo", "bar", "baz", "abc", "xyz", "lorem"),
    *("ipsum", "todo", "tbd", "none", "null", "nothing", "reason", "because", "backfill", "rerun", "run", "again", "see"),
    *("above", "below", "just", "some", "text", "here", "the", "not", "applicable", "misc", "stuff", "fix", "fixes", "fixed"),
    *("update", "please", "placeholder", "unknown", "dunno", "whatever", "hello", "this", "that", "for", "with", "and", "data"),
}
LEAST_LETTERS = 10


def read_request(catalog: Catalog, ledger: Ledger, said: Mapping[str, Any], by: str, now: datetime | None = None) -> Request:
    """The request that the fields of the form say: select, from, to, reason, downstream, days. Raises BadRequest.

    Only stale days may be asked for without a range: then all that was ever published is looked at.
    """
    known = settings.load()
    today = business_day(now or datetime.now(UTC), known.reporting_zone)
    reason = checked_reason(str(said.get("reason") or ""))
    days, is_stale_only = said.get("days") or EVERYTHING, said.get("days") == STALE
    if days not in (EVERYTHING, STALE):
        raise BadRequest(f"days are {EVERYTHING} of the range or only what is {STALE}, not {days!r}")
    first, last = said.get("from") or None, said.get("to") or None
    selection = " ".join(str(said.get("select") or "").split())
    if not first and not is_stale_only:
        raise BadRequest("say from which day on, YYYY-MM-DD: only stale days can be asked for without a range")
    whole = Interval(_first_published(catalog, ledger, today), today)
    if first or last:
        whole = requested_interval(first or str(whole.start), last, whole, today, known.first_day)
    return Request(selection, whole, reason, by, is_stale_only, bool(said.get("downstream")))


def checked_reason(text: str) -> str:
    """The reason, where it is one: somebody must be able to read in a year why history changed."""
    words = [word for word in re.findall(r"[^\W\d_]+", text.lower()) if word not in _FILLER]
    letters = "".join(words)
    if len(words) < 2 or len(letters) < LEAST_LETTERS or len(set(letters)) < 5:
        raise BadRequest(
            f"«{text.strip()}» is no reason: say in a few words why history is computed again, "
            "such as «refunds of May arrived late from the shop»"
        )
    return " ".join(text.split())


def _first_published(catalog: Catalog, ledger: Ledger, today: date) -> date:
    first = [day for day, _ in ledger.days_until(catalog.tables, today).values()]
    return min(first, default=today - DAY)
