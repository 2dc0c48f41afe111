"""What many requests ask at the same time is asked once for all of them, in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

K = TypeVar("K")
V = TypeVar("V")
Waiting = list[tuple[K, "asyncio.Future[V]"]]
# Seconds that a busy server waits for more to ask at the same time: each call costs it several milliseconds.
LINGER = 0.02


class AtOnce(Generic[K, V]):
    """Answers by one call whatever came in while the call before it ran, so that a busy server asks its database less often.

    `answer`: gives a value for each of the things asked, in their order; what it raises each of the askers gets.
    """

    def __init__(self, answer: Callable[[Sequence[K]], Sequence[V]]) -> None:
        self._answer = answer
        # Of its own: threads that wait for an engine must not hold up what every request asks.
        self._thread = ThreadPoolExecutor(1)
        self._waiting: WeakKeyDictionary[asyncio.AbstractEventLoop, Waiting[K, V]] = WeakKeyDictionary()
        self._at_work: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[None]] = WeakKeyDictionary()
        self._ended = float("-inf")

    async def ask(self, what: K) -> V:
        """The value of one thing."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[V] = loop.create_future()
        waiting = self._waiting.setdefault(loop, [])
        waiting.append((what, future))
        if (task := self._at_work.get(loop)) is None or task.done():
            self._at_work[loop] = loop.create_task(self._work(loop, waiting))
        return await future

    async def _work(self, loop: asyncio.AbstractEventLoop, waiting: Waiting[K, V]) -> None:
        while waiting:
            if loop.time() - self._ended < LINGER:
                await asyncio.sleep(LINGER)
            batch = waiting[:]
            waiting.clear()
            try:
                asked = [what for what, _ in batch]
                values = await loop.run_in_executor(self._thread, copy_context().run, self._answer, asked)
            except Exception as error:
                for _, future in batch:
                    if not future.done():  # whoever asked may have gone
                        future.set_exception(error)
            else:
                for (_, future), value in zip(batch, values, strict=True):
                    if not future.done():
                        future.set_result(value)
            self._ended = loop.time()
