"""A warehouse whose readers and publishers take turns by a lock of the ledger, whatever its engine."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from headline.ledger import Locks
from headline.warehouse.base import Warehouse
from headline.warehouse.identity import foreign


class LockedWarehouse(Warehouse):
    """`place`: its name in messages; runs of the same place wait for each other, `lock_timeout` seconds at most.

    `ledger`: the connection of the ledger that has the lock.
    """

    def __init__(self, place: str, lock_timeout: float, ledger: str) -> None:
        self.place = place
        self.lock_name = f"warehouse {place}"
        self.lock_timeout = lock_timeout
        self._ledger = ledger

    @abstractmethod
    def _mismatch(self, locks: Locks) -> str:
        """As `mismatch`, while the lock is held."""

    def mismatch(self) -> str:
        with ExitStack() as stack:
            locks = self._locks("a reader", stack)
            stack.enter_context(locks.shared(self.lock_name))
            return self._mismatch(locks)

    @contextmanager
    def at_rest(self, holder: str) -> Iterator[None]:
        with ExitStack() as stack:
            locks = self._locks(holder, stack)
            stack.enter_context(locks.shared(self.lock_name))
            if told := self._mismatch(locks):
                raise foreign(self.place, told)
            yield

    @contextmanager
    def alone(self, holder: str) -> Iterator[None]:
        with ExitStack() as stack:
            stack.enter_context(self._locks(holder, stack).exclusive(self.lock_name))
            yield

    def _locks(self, holder: str, stack: ExitStack) -> Locks:
        locks = Locks(f"headline: {holder}", self.lock_timeout, self._ledger)
        stack.callback(locks.close)
        return locks
