"""Tables on Iceberg: who opens the engine when, and what can be done to all of them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from copy import copy
from pathlib import Path
from typing import Self

from headline.connections import Connection
from headline.errors import BadRequest, Transient
from headline.ledger import Locks
from headline.ledger.engine import CONNECTION
from headline.warehouse.base import Session, Staging, Warehouse
from headline.warehouse.iceberg.calendar import ensure_calendar
from headline.warehouse.iceberg.engine import Engine
from headline.warehouse.iceberg.names import STAGING, outputs_of, suffix
from headline.warehouse.iceberg.prefix import prefix_of
from headline.warehouse.iceberg.session import IcebergSession
from headline.warehouse.iceberg.staging import IcebergStaging
from headline.warehouse.identity import is_empty, mismatch_of
from headline.warehouse.locked import LockedWarehouse

_BY_OTHERS = "copies of Iceberg tables are made in their storage: see docs/engines.md"


class IcebergWarehouse(LockedWarehouse):
    """A catalog of Iceberg tables behind an engine. Extra: lock_timeout (seconds), database_prefix (before each namespace).

    `place`: its name in messages; runs of the same place wait for each other.
    """

    def __init__(self, connection: Connection, place: str, *, ledger: str = CONNECTION) -> None:
        self.connection = connection
        self.prefix = prefix_of(connection)
        place = f"{place}, databases {self.prefix}…" if self.prefix else place
        super().__init__(place, float(connection.extra.get("lock_timeout", 600)), ledger)
        self.is_known = True  # whether it is the ledger's warehouse

    @abstractmethod
    def open_engine(self, run_key: str = "") -> AbstractContextManager[Engine]:
        """Open the engine; `run_key`: of the run whose statements these are. Raises Transient where it is out of reach."""

    @contextmanager
    def session(self, *, read_only: bool = False) -> Iterator[Session]:
        with ExitStack() as stack:
            locks = self._locks("a reader" if read_only else "a writer", stack)
            stack.enter_context(locks.shared(self.lock_name) if read_only else locks.exclusive(self.lock_name))
            engine = stack.enter_context(self.open_engine())
            session = IcebergSession(engine)
            if not read_only:
                ensure_calendar(engine)
            elif not session.tables():
                raise Transient(f"there is no table in the warehouse {self.place}: nothing was published yet")
            yield session

    @contextmanager
    def staging(self, run_key: str, locks: Locks | None = None) -> Iterator[Staging]:
        with ExitStack() as stack:
            locks = locks or self._locks(f"the run {run_key}", stack)
            session = IcebergStaging(stack.enter_context(self.open_engine(run_key)), self, locks, run_key)
            stack.callback(session.drop_staged)
            yield session

    @contextmanager
    def kept(self, run_key: str) -> Iterator[Staging]:
        with ExitStack() as stack:
            engine = stack.enter_context(self.open_engine())
            if not (staged := self._staged(engine, suffix(run_key))):
                raise BadRequest(f"the run {run_key} has kept nothing; clear it to compute it again")
            session = IcebergStaging(engine, self, self._locks("a reader", stack), run_key)
            for name in staged:
                session.make_views(name)
            yield session

    def forget(self, run_key: str) -> None:
        with self.open_engine() as engine:
            self.drop_staging(engine, suffix(run_key))

    def drop_staging(self, engine: Engine, ending: str) -> None:
        """Drop the staging tables with this suffix; views first, because they depend on them."""
        for staged in self._staged(engine, ending):
            for output in outputs_of(staged):
                if (view := engine.staging_name(output, ending)) != staged:
                    engine.drop_view(view)
            engine.drop_table(staged)

    def is_empty(self) -> bool:
        with self.open_engine() as engine:
            return is_empty(IcebergSession(engine))

    def copy(self, _: Path) -> None:
        """Raises BadRequest."""
        raise BadRequest(_BY_OTHERS)

    def beside(self, copied: Path | None = None) -> Self:
        """The same catalog where it is empty: it is filled in its place, and nobody has read of it before."""
        if copied:
            raise BadRequest(_BY_OTHERS)
        if not self.is_empty():
            raise BadRequest(
                f"the warehouse {self.place} has tables: rebuild it in an empty catalog, set that catalog in the connection, and "
                "remove this one when the other is right"
            )
        other = copy(self)
        other.is_known, other.lock_name = False, f"{self.lock_name} while it is filled"
        return other

    def give_place(self, _: Warehouse) -> str:
        """It is in its place already."""
        return ""

    # inside

    @staticmethod
    def _staged(engine: Engine, ending: str) -> list[str]:
        return sorted(name for name in engine.tables(STAGING) if name.endswith(f"__{ending}"))

    def _mismatch(self, locks: Locks) -> str:
        with self.open_engine() as engine:
            return mismatch_of(IcebergSession(engine), engine.identity(), locks)
