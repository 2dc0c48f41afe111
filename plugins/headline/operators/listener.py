"""One listener for all runs that wait in a triggerer: a publication wakes them at once, polls catch what it does not tell."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from contextvars import Context
from weakref import WeakKeyDictionary

from headline.operators.inputs import Wait, describe, missing_for, runs_ahead
from headline.operators.upstream import ActiveRuns

log = logging.getLogger(__name__)

CHANNEL = "headline"  # the ledger notifies it with a table's name when it records a load or a publication
POLL = 20.0  # seconds between two looks at the ledger without a notification
# That a run upstream ended without publishing is told by nobody.
POLL_RUNS = 2.0
NOTHING_IS_MISSING = ""


class Publications:
    """Looks at the ledger for all runs that wait, with one query; works only while any run does."""

    def __init__(self) -> None:
        self._waits: dict[Wait, asyncio.Queue[str]] = {}
        self.active = ActiveRuns()
        self._wake = asyncio.Event()
        self._work: asyncio.Task[None] | None = None

    async def watch(self, wait: Wait) -> AsyncIterator[str]:
        """What is missing, each time that it changes; ends when nothing is."""
        answers = self._waits[wait] = asyncio.Queue()
        self._wake.set()
        if self._work is None or self._work.done():
            # A context of its own: its log lines belong to no single run.
            self._work = asyncio.create_task(self._look_while_any_waits(), context=Context())
        said = NOTHING_IS_MISSING
        try:
            while (missing := await answers.get()) != NOTHING_IS_MISSING:
                if missing != said:
                    yield missing
                    said = missing
        finally:
            del self._waits[wait]
            self._wake.set()

    async def _look_while_any_waits(self) -> None:
        listening = asyncio.create_task(self._listen())
        try:
            while self._waits:
                self._wake.clear()
                pause = await self._look()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), pause)
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening

    async def _look(self) -> float:
        """Tell each run what it still waits for; gives how long to pause before the next look."""
        waits = list(self._waits)
        pause = POLL
        try:
            found = [describe(missing) for missing in await asyncio.to_thread(missing_for, waits)]
            ready = [place for place, missing in enumerate(found) if missing == NOTHING_IS_MISSING]
            ahead = await asyncio.to_thread(runs_ahead, [waits[place] for place in ready], self.active)
            for place, runs in zip(ready, ahead, strict=True):
                found[place] = runs
            if any(found[place] for place in ready):
                pause = min(POLL, POLL_RUNS)
        except Exception as error:  # whatever it is, the next look may succeed, and meanwhile the runs go on waiting
            log.exception("the ledger cannot be read")
            found = [f"the ledger cannot be read ({type(error).__name__}: {error})"] * len(waits)
        for wait, missing in zip(waits, found, strict=True):
            if wait in self._waits:
                self._waits[wait].put_nowait(missing)
        return pause

    async def _listen(self) -> None:
        """Wake the look for every publication; where the connection fails, the polls go on and it is opened again."""
        from psycopg import AsyncConnection, Error

        from headline.ledger.engine import parameters

        while True:
            try:
                ledger = await asyncio.to_thread(parameters)
                async with await AsyncConnection.connect(**ledger, autocommit=True) as connection:
                    await connection.execute(f"listen {CHANNEL}")
                    self._wake.set()  # what was published before anybody listened
                    async for _ in connection.notifies():
                        self._wake.set()
            except (Error, OSError) as error:
                log.warning("no notifications from the ledger, which is asked every %.0f s instead: %s", POLL, error)
            await asyncio.sleep(POLL)


_OF_LOOP: WeakKeyDictionary[asyncio.AbstractEventLoop, Publications] = WeakKeyDictionary()


def publications() -> Publications:
    """The one of the running triggerer."""
    return _OF_LOOP.setdefault(asyncio.get_running_loop(), Publications())
