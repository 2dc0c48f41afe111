"""A paged JSON service as a source."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from headline.errors import BadData, BadRequest, Transient
from headline.intervals import Interval
from headline.sources.landing import Part
from headline.sources.text import by_day, loads, record_of, zones_of
from headline.specs import HttpIngest
from headline.sql import render

TIMEOUT_SECONDS = 30
WORTH_RETRYING = {408, 425, 429}
LARGEST_PAGE_COUNT = 100_000


def read(ingest: HttpIngest, interval: Interval) -> Iterator[Part]:
    """All pages for the interval, told apart by the record's field `day`.

    Raises Transient when the service is out of reach, overloaded or answers with something that is no JSON,
    BadRequest when it refuses the question, BadData when the answer has another shape than the spec says.
    """
    yield from by_day(_records(ingest, interval), ingest.day, interval, ingest.path, zones_of(ingest.zone))


def _records(ingest: HttpIngest, interval: Interval) -> Iterator[dict[str, Any]]:
    cursor: str | None = None
    seen: set[str] = set()
    while True:
        params = {name: render(value, interval, where=f"params.{name}") for name, value in ingest.params.items()}
        page = _get(ingest, {**params, ingest.cursor: cursor} if cursor else params)
        records = page.get(ingest.records) if isinstance(page, dict) else None
        if (
            not isinstance(records, list)
            or ingest.next not in page
            or (records and not any(isinstance(one, dict) for one in records))
        ):
            raise BadData(
                f"{ingest.path}: the answer has no list of records {ingest.records!r} or no {ingest.next!r}; nothing was loaded. "
                "The service has changed: compare its answer with `ingest` in source.yml"
            )
        where = f"{ingest.path} page {len(seen) + 1}"
        yield from (record_of(one, f"{where} record {number}") for number, one in enumerate(records, start=1))
        cursor = page[ingest.next]
        if not cursor:
            return
        if cursor in seen:
            raise BadData(f"{ingest.path}: the pages run in a circle, {cursor!r} came up again; nothing was loaded")
        if len(seen) == LARGEST_PAGE_COUNT:
            raise BadData(f"{ingest.path}: no end after {LARGEST_PAGE_COUNT} pages; nothing was loaded. Ask for fewer days")
        seen.add(cursor)


def _get(ingest: HttpIngest, params: dict[str, str]) -> Any:
    import requests
    from airflow.providers.http.hooks.http import HttpHook

    where = f"{ingest.path} (connection {ingest.connection})"
    hook = HttpHook(method="GET", http_conn_id=ingest.connection)
    try:
        response = hook.run(ingest.path, data=params, extra_options={"timeout": TIMEOUT_SECONDS, "check_response": False})
    except requests.RequestException as error:
        raise Transient(f"{where}: no answer: {error}") from error
    if response.status_code >= 500 or response.status_code in WORTH_RETRYING:
        raise Transient(f"{where}: answered {response.status_code} {response.reason}")
    if response.status_code >= 400:
        raise BadRequest(f"{where}: refused with {response.status_code} {response.reason}: {response.text[:200]}")
    try:
        return loads(response.content)
    except ValueError as error:
        raise Transient(f"{where}: answered something that is no JSON: {response.text[:80]!r}") from error
