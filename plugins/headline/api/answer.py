"""How every endpoint answers: unchanged where the reader has it already, else its rows; each reading is recorded before."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from fastapi import HTTPException, Request
from fastapi.responses import Response

from headline.api.forms import FORMS, Content, acceptable, quality, written
from headline.errors import Transient
from headline.figures.values import commit
from headline.ledger import Read, Stamp, record_reads
from headline.pages.at_once import AtOnce
from headline.pages.headers import HEADERS
from headline.pages.reads import decoded, path_of
from headline.pages.visitor import Visitor

TRIES = 3  # to read what is published while it is read
MOST_KEPT = 64_000_000  # bytes of answers that are kept, each until it changes
OF_A_BODY = ("Content-Encoding", "Link")
VARY = "Accept, Accept-Encoding, Authorization, Cookie"


@dataclass(frozen=True)
class Kept:
    """An answer as it is sent, and what is recorded of it."""

    etag: str
    body: bytes
    headers: Mapping[str, str]
    names: tuple[str, ...]
    row_count: int


class Answers:
    """The answers of this process by what they were asked; the longest unused go first."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._most, self._size = most, 0
        self._kept: OrderedDict[str, Kept] = OrderedDict()

    def get(self, key: str, etag: str) -> Kept | None:
        """The answer, where nothing has changed since."""
        found = self._kept.get(key)
        if found is None or found.etag != etag:
            return None
        self._kept.move_to_end(key)
        return found

    def keep(self, key: str, answer: Kept) -> None:
        """Keep it in the place of an older one."""
        if before := self._kept.pop(key, None):
            self._size -= len(before.body)
        if len(answer.body) > self._most // 4:
            return
        self._kept[key] = answer
        self._size += len(answer.body)
        while self._size > self._most:
            self._size -= len(self._kept.popitem(last=False)[1].body)


def _record(reads: Sequence[Read]) -> Sequence[None]:
    record_reads(*reads)
    return [None] * len(reads)


ANSWERS = Answers()
READS: AtOnce[Read, None] = AtOnce(_record)


class Changed(Exception):
    """What is read became something else while it was read."""


async def answer(request: Request, visitor: Visitor, make: Callable[[], Content]) -> Response:
    """The answer of what is read from the ledger alone, each time."""
    asked = _asked(request)
    content = await asyncio.to_thread(make)
    told = hashlib.sha256(repr((content.columns, content.rows, content.meta)).encode()).hexdigest()
    known = await asyncio.to_thread(_kept, content, asked, asked.etag(told), request)
    return await _sent(known, asked, visitor)


async def stamped(
    request: Request,
    visitor: Visitor,
    stamp: Callable[[], Awaitable[Stamp]],
    make: Callable[[Stamp], Content],
    *,
    rights: str = "",
    names: Sequence[str] = (),
) -> Response:
    """The answer of what a stamp says the state of: it is kept for as long as the stamp stays the same.

    `make`: reads the rows, in a thread; raises Changed where the stamp no longer holds. `rights`: what of them hangs on who asks.
    `names`: the tables and metrics in it, where they are known without the rows, so that who has the answer costs no reading.
    """
    asked = _asked(request, rights)
    for _ in range(TRIES):
        found = await stamp()
        etag = asked.etag(found.content)
        known = ANSWERS.get(asked.key, etag)
        if known is None and names and etag in asked.has:
            known = Kept(etag, b"", _headers(Content((), (), found.version, found.as_of, found.coverage), etag), tuple(names), 0)
            return await _sent(known, asked, visitor)
        try:
            if known is None:
                content = await asyncio.to_thread(make, found)
                known = await asyncio.to_thread(_kept, content, asked, etag, request)
                ANSWERS.keep(asked.key, known)
        except Changed:
            continue
        return await _sent(known, asked, visitor)
    raise Transient(f"{', '.join(names) or 'what was asked for'} is being published: try again in a minute")


@dataclass(frozen=True)
class Asked:
    """A request as far as its answer hangs on it. `has`: the tags of answers that its reader has."""

    path: str
    form: str
    is_gzipped: bool
    has: frozenset[str]
    rights: str

    @property
    def key(self) -> str:
        return "\n".join((self.path, self.form, str(self.is_gzipped), self.rights))

    def etag(self, content: str) -> str:
        told = "\n".join((self.key, content, commit()))
        return f'"{hashlib.sha256(told.encode()).hexdigest()[:24]}"'


def _asked(request: Request, rights: str = "") -> Asked:
    """Raises 406 for a form that there is none of."""
    accept, tags = request.headers.get("accept", ""), request.headers.get("if-none-match", "")
    form = acceptable(accept)
    if form is None:
        raise HTTPException(406, f"there is no {accept}; there are {', '.join(FORMS)}")
    has = frozenset(one.strip().removeprefix("W/") for one in tags.split(","))
    return Asked(path_of(request), form, quality("gzip", request.headers.get("accept-encoding", "")) > 0, has, rights)


async def require_right(request: Request, visitor: Visitor, dag_id: str, names: Sequence[str]) -> None:
    """Refuse who may not read a DAG, once it is recorded what they asked for; raises HTTPException 403."""
    if not visitor.may_read(dag_id):
        await READS.ask(Read(visitor.name, "api", tuple(names), decoded(path_of(request))))
    visitor.must_read(dag_id)


async def _sent(known: Kept, asked: Asked, visitor: Visitor) -> Response:
    """The answer, once it is recorded that it was read; without rows where the reader has them."""
    has_it = known.etag in asked.has
    if known.names:
        await READS.ask(Read(visitor.name, "api", known.names, decoded(asked.path), 0 if has_it else known.row_count))
    if has_it:
        return Response(None, 304, {name: value for name, value in known.headers.items() if name not in OF_A_BODY})
    return Response(known.body, 200, known.headers, asked.form)


def _kept(content: Content, asked: Asked, etag: str, request: Request) -> Kept:
    """The answer as it is sent."""
    body = written(asked.form, content)
    headers = _headers(content, etag)
    if content.next_cursor:  # without the host, which a request may name as it likes
        following = request.url.include_query_params(cursor=content.next_cursor)
        headers["Link"] = f'<{following.path}?{following.query}>; rel="next"'
    if asked.is_gzipped:  # a short one too: Airflow would compress it anew each time
        body, headers["Content-Encoding"] = gzip.compress(body, 5, mtime=0), "gzip"
    return Kept(etag, body, headers, tuple(content.names), len(content.rows))


def _headers(content: Content, etag: str) -> dict[str, str]:
    told = {name.replace("_", "-").title(): content.meta[name] for name in ("as_of", "version", "coverage", "commit")}
    said = {f"Headline-{name}": str(value) for name, value in told.items() if value not in (None, "")}
    return {**HEADERS, "Cache-Control": "private, no-cache", "Vary": VARY, "ETag": etag, **said}
