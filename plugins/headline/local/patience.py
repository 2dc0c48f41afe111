"""How long to wait for processes: as long as they work. A slow or busy machine gets the time that it needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

import psutil

SECONDS_IDLE = 60.0
SECONDS_OF_CPU = 200.0  # a start takes 5 to 10
SECONDS_BETWEEN_LOOKS = 1.0  # each goes through all processes of the machine, once for each that is awaited


class Patience:
    """Ends where what is awaited does nothing for a while, or has used far more CPU time than it can need."""

    def __init__(self, cpu: Callable[[], float]) -> None:
        self._cpu = cpu
        self.renew()

    def renew(self) -> None:
        """Something was achieved: wait as long again."""
        self._began = self._moved = self._looked = time.monotonic()
        self._first = self._last = self._cpu()

    @property
    def waited(self) -> str:
        return f"{time.monotonic() - self._began:.0f} s, {max(self._last - self._first, 0):.0f} s of CPU"

    def end(self) -> str | None:
        """Why waiting longer is of no use, or None."""
        now = time.monotonic()
        if now - self._looked < SECONDS_BETWEEN_LOOKS:
            return None
        spent, self._looked = self._cpu(), now
        if abs(spent - self._last) > 0.05:  # less where one was started again
            self._last, self._moved = spent, now
            self._first = min(self._first, spent)
        if now - self._moved > SECONDS_IDLE:
            return f"nothing was done for {SECONDS_IDLE:.0f} s"
        if spent - self._first > SECONDS_OF_CPU:
            return f"not yet after {SECONDS_OF_CPU:.0f} s of CPU time"
        return None


def cpu_seconds(roots: Iterable[psutil.Process]) -> float:
    """What processes and their children have used so far, children that have ended included."""
    spent = 0.0
    for root in roots:
        try:
            family = [root, *root.children(recursive=True)]
        except psutil.Error:
            continue
        for process in family:
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue
            spent += times.user + times.system + times.children_user + times.children_system
    return spent
