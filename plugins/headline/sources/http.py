"""A paged JSON service as a source."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from headline.errors import BadData, BadRequest, Transient
from headline.intervals import Interval
from headline.sources.answers import Answer, TooLongError
from headline.sources.bounds import expanded, most_pages
from headline.sources.days import by_day, zones_of
from headline.sources.landing import Part
from headline.sources.records import record_of
from headline.sources.refused import UNREADABLE, refused
from headline.sources.storage import PIECE
from headline.sources.text import Taken, is_text
from headline.specs import HttpIngest
from headline.sql import render

if TYPE_CHECKING:
    import requests

TIMEOUT_SECONDS = 30
WORTH_RETRYING = {408, 425, 429}


def read(ingest: HttpIngest, interval: Interval) -> Iterator[Part]:
    """All pages for the interval, split by the record's field `day`.

    Raises Transient when the service is out of reach, overloaded or answers with something that is no JSON,
    BadRequest when it refuses the question, BadData when the answer has another shape than the spec says.
    """
    taken = Taken()
    yield from by_day(_records(ingest, interval, taken), ingest.day, interval, ingest.path, zones_of(ingest.zone), taken)


def _records(ingest: HttpIngest, interval: Interval, taken: Taken) -> Iterator[dict[str, Any]]:
    """The records of all pages, as they come; of a page memory holds a piece."""
    cursor: str | None = None
    seen: set[bytes] = set()  # of cursors that may be long
    while True:
        params = {name: render(value, interval, where=f"params.{name}") for name, value in ingest.params.items()}
        where = f"{ingest.path} page {len(seen) + 1}"
        count, objects = 0, 0
        with _asked(ingest, {**params, ingest.cursor: cursor} if cursor else params) as answer:
            for value, text in answer.elements(ingest.records):
                count, objects = count + 1, objects + isinstance(value, dict)
                taken.count += len(text)
                origin = f"{where} record {count}"
                yield record_of(value, origin, text) if is_text(text) else refused(UNREADABLE, text, origin)
        if not answer.has_list or ingest.next not in answer.members or (count and not objects):
            raise BadData(
                f"{ingest.path}: the answer has no list of records {ingest.records!r} or no {ingest.next!r}; nothing was loaded. "
                "The service has changed: compare its answer with `ingest` in source.yml"
            )
        cursor = answer.members[ingest.next]
        if not cursor:
            return
        if not isinstance(cursor, str):
            raise BadData(f"{ingest.path}: {ingest.next!r} is no cursor but {json.dumps(cursor)[:80]}; nothing was loaded")
        digest = blake2b(cursor.encode(errors="surrogatepass"), digest_size=16).digest()
        if digest in seen:
            raise BadData(f"{ingest.path}: the pages repeat: {cursor[:80]!r} came up again; nothing was loaded")
        seen.add(digest)
        if len(seen) >= (most := most_pages(len(interval))):
            raise BadData(
                f"{ingest.path}: no end after {most:,} pages for {len(interval)} day(s); nothing was loaded. If there are so "
                "many, set HEADLINE_MOST_PAGES, the pages a day, higher; if not, ask the owner of the service"
            )


@contextmanager
def _asked(ingest: HttpIngest, params: dict[str, str]) -> Iterator[Answer]:
    """An answer that is read while this is open; errors in it are reported as the service's."""
    import requests
    from airflow.providers.http.hooks.http import HttpHook

    where = f"{ingest.path} (connection {ingest.connection})"
    hook = HttpHook(method="GET", http_conn_id=ingest.connection)
    how = {"timeout": TIMEOUT_SECONDS, "check_response": False, "stream": True}
    try:
        with closing(hook.run(ingest.path, data=params, extra_options=how)) as response:
            if response.status_code >= 500 or response.status_code in WORTH_RETRYING:
                raise Transient(f"{where}: answered {response.status_code} {response.reason}")
            if response.status_code >= 400:
                raise BadRequest(f"{where}: refused with {response.status_code} {response.reason}: {_beginning(response)}")
            pieces = expanded(response.iter_content(PIECE), where, response.raw.tell)
            answer = Answer(pieces, ingest.encoding)
            try:
                yield answer
            except TooLongError as error:
                raise BadData(f"{where}: {error}; nothing was loaded") from error
            except ValueError as error:
                raise Transient(f"{where}: answered something that is no JSON: {answer.beginning!r}: {error}") from error
    except requests.RequestException as error:
        raise Transient(f"{where}: no answer: {error}") from error


def _beginning(response: requests.Response) -> str:
    """What a refusal begins with; of how long it goes on nobody knows."""
    return next(response.iter_content(200), b"").decode("utf-8", "replace")[:200]
