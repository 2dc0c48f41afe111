"""What many ask at the same time is asked once, and each gets their own answer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import pytest

from headline.errors import Transient
from headline.pages.at_once import AtOnce


def test_those_who_ask_while_others_are_answered_are_answered_together() -> None:
    calls: list[list[int]] = []

    def double(numbers: Sequence[int]) -> Sequence[int]:
        calls.append(list(numbers))
        time.sleep(0.05)
        return [2 * one for one in numbers]

    doubled = AtOnce(double)

    async def ask() -> list[int]:
        first = asyncio.create_task(doubled.ask(0))
        await asyncio.sleep(0.01)
        return [await first, *await asyncio.gather(*(doubled.ask(number) for number in range(1, 50)))]

    for _ in range(2):  # in a loop of its own each, as servers and tests have them
        calls.clear()
        assert asyncio.run(ask()) == [2 * number for number in range(50)]
        assert calls == [[0], list(range(1, 50))]


def test_what_fails_fails_for_those_who_asked_and_for_nobody_after_them() -> None:
    broken = [True]

    def answer(numbers: Sequence[int]) -> Sequence[int]:
        if broken.pop():
            raise Transient("out of reach")
        return numbers

    asked = AtOnce(answer)

    async def ask() -> None:
        gone = asyncio.create_task(asked.ask(1))
        with pytest.raises(Transient):
            await asked.ask(2)
        with pytest.raises(Transient):
            await gone
        broken.append(False)
        assert await asked.ask(3) == 3
        left = asyncio.create_task(asked.ask(4))
        broken.append(False)
        await asyncio.sleep(0)
        left.cancel()
        broken.append(False)
        assert await asked.ask(5) == 5, "whoever has gone holds up nobody"

    asyncio.run(ask())
