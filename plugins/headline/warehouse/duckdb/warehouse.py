"""The file: who opens it when, and how it is copied and gives place to another."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile
from typing import Any

import duckdb

from headline.connections import Connection
from headline.errors import BadRequest, Transient
from headline.ledger import Locks
from headline.ledger.engine import CONNECTION
from headline.space import is_full, no_space
from headline.warehouse.base import Session, Staging, Warehouse
from headline.warehouse.duckdb.instance import STAGING, WAREHOUSE, ensure_calendar, instance
from headline.warehouse.duckdb.kept import forget, kept_file
from headline.warehouse.duckdb.session import DuckDBSession
from headline.warehouse.duckdb.staging import DuckDBStaging
from headline.warehouse.identity import is_empty, mismatch_of
from headline.warehouse.locked import LockedWarehouse

# What a copy of the file and of its log are called.
_COPIED = ("warehouse.duckdb", "warehouse.duckdb.wal")


class DuckDBWarehouse(LockedWarehouse):
    """The file at the connection's host. Extras: memory_limit, threads, temp_directory, lock_timeout (seconds)."""

    dialect = "duckdb"

    def __init__(self, connection: Connection, *, is_known: bool = True, ledger: str = CONNECTION) -> None:
        self.path = Path(connection.host)
        super().__init__(str(self.path), float(connection.extra.get("lock_timeout", 60)), ledger)
        self.is_known = is_known  # whether it is the ledger's warehouse
        self._connection = connection
        self._config: dict[str, Any] = {
            "memory_limit": connection.extra.get("memory_limit", "2GB"),
            "temp_directory": connection.extra.get("temp_directory", f"{self.path}.spill"),
        }
        if "threads" in connection.extra:
            self._config["threads"] = connection.extra["threads"]

    @contextmanager
    def session(self, *, read_only: bool = False) -> Iterator[Session]:
        if read_only and not self.path.exists():
            raise Transient(
                f"there is no warehouse {self.path}. Nothing was published yet: make run. It was there before: "
                "`headline verify` shows what was lost and how to restore it"
            )
        with ExitStack() as stack:
            locks = self._locks("a reader" if read_only else "a writer", stack)
            stack.enter_context(locks.shared(self.lock_name) if read_only else locks.exclusive(self.lock_name))
            connection = self._instance(stack)
            self.attach(connection, "(read_only)" if read_only else "")
            session = DuckDBSession(connection, self.path)
            if not read_only:
                ensure_calendar(session)
            yield session

    @contextmanager
    def staging(self, run_key: str, locks: Locks | None = None) -> Iterator[Staging]:
        with ExitStack() as stack:
            locks = locks or self._locks(f"the run {run_key}", stack)
            connection = self._instance(stack)
            connection.execute(f"attach ':memory:' as {STAGING}")
            # Tables have no order of rows; to keep one costs memory and a twentieth of the time of a run.
            connection.execute("set preserve_insertion_order = false")
            yield DuckDBStaging(connection, self, locks, kept_file(self.path, run_key))

    @contextmanager
    def kept(self, run_key: str) -> Iterator[Staging]:
        file = kept_file(self.path, run_key)
        if not file.exists():
            raise BadRequest(f"the run {run_key} has kept nothing; clear it to compute it again")
        with ExitStack() as stack:
            locks = self._locks("a reader", stack)
            connection = self._instance(stack)
            connection.execute(f"attach '{file}' as {STAGING} (read_only)")
            yield DuckDBStaging(connection, self, locks, file)

    def forget(self, run_key: str) -> None:
        forget(kept_file(self.path, run_key))

    def is_empty(self) -> bool:
        if not self.path.exists():
            return True
        with self.session(read_only=True) as session:
            return is_empty(session)

    def copy(self, folder: Path) -> None:
        for file, name in zip(self.files, _COPIED, strict=True):
            with suppress(FileNotFoundError):
                copyfile(file, folder / name)

    def beside(self, copied: Path | None = None) -> DuckDBWarehouse:
        other = DuckDBWarehouse(replace(self._connection, host=f"{self.path}.new"), is_known=False)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        for file, name in zip(other.files, _COPIED, strict=True):
            file.unlink(missing_ok=True)
            if copied and (copied / name).exists():
                copyfile(copied / name, file)
        return other

    def give_place(self, other: Warehouse) -> str:
        """The new file is whole and closed. A crash between the two moves leaves none, which every run refuses."""
        if not isinstance(other, DuckDBWarehouse):
            raise TypeError(f"{other} is no DuckDB file")
        kept = Path(f"{self.path}.{datetime.now(UTC):%Y%m%dT%H%M%SZ}")
        was_there = self.path.exists()
        for old, new in zip(self.files, (kept, Path(f"{kept}.wal")), strict=True):
            with suppress(FileNotFoundError):
                old.replace(new)  # the log too: it would be played into the new file
        for new, place in zip(other.files, self.files, strict=True):
            with suppress(FileNotFoundError):
                new.replace(place)
        return str(kept) if was_there else ""

    @property
    def files(self) -> tuple[Path, Path]:
        """The file, and its log, which is there after a crash."""
        return self.path, Path(f"{self.path}.wal")

    def attach(self, connection: duckdb.DuckDBPyConnection, how: str, name: str = WAREHOUSE) -> None:
        """Attach the file; tables of `warehouse` have their plain names then. Who obeys the locks finds it free, so that only
        another program can hold it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        deadline = time.monotonic() + self.lock_timeout
        while True:
            try:
                connection.execute(f"attach '{self.path}' as {name} {how}")
                if name == WAREHOUSE:
                    connection.execute(f"use {name}")
                return
            except (duckdb.IOException, duckdb.ResourceInUseException) as error:
                if is_full(error):
                    raise no_space("the warehouse", self.path, 0, error) from error
                if "lock" not in str(error) or time.monotonic() > deadline:
                    raise Transient(
                        f"the warehouse {self.path} could not be opened within {self.lock_timeout:.0f} s: {error}. "
                        "If another program holds it (its PID is in the message), close it there"
                    ) from error
            time.sleep(random.uniform(0.02, 0.1))  # noqa: S311 (jitter, not secrecy)

    # inside

    def _mismatch(self, locks: Locks) -> str:
        with ExitStack() as stack:
            connection = self._instance(stack)
            if self.path.exists():
                self.attach(connection, "(read_only)")
            session = DuckDBSession(connection, self.path)
            return mismatch_of(session, session.identity(), locks)

    def _instance(self, stack: ExitStack) -> duckdb.DuckDBPyConnection:
        return stack.enter_context(instance(self._config))
