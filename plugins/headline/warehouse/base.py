"""What every engine must be able to do; the pipeline knows nothing else of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from headline.intervals import Interval
from headline.ledger import Identity, Locks, Statement
from headline.specs import Table
from headline.warehouse.arrow import of_rows
from headline.warehouse.rows import EMPTY, Asked, Content, Output, Replacement, Result, is_history, nothing

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa
    from sqlglot.expressions import Expr


__all__ = [
    "EMPTY",
    "Asked",
    "Content",
    "Output",
    "Replacement",
    "Result",
    "Session",
    "Staging",
    "Warehouse",
    "is_history",
    "nothing",
]


class Session(ABC):
    """An open connection to the warehouse. Every method may raise Transient; SQL faults raise SpecError, values BadData."""

    @abstractmethod
    def query(self, sql: str) -> Result:
        """Run one statement in the engine's dialect and fetch its rows."""

    def limit_memory(self, most: str) -> None:  # noqa: B027
        """Let an engine in this process use so much memory (`400MB`) and no more; one elsewhere is not asked."""

    def batches(self, sql: str, schema: pa.Schema, size: int) -> Iterator[pa.RecordBatch]:
        """The rows of one SELECT, so many at a time, as batches of Arrow of this schema. Raises BadData where they are of
        another. An engine that can give some rows while others are still to come does not hold all of them."""
        found = self.query(sql)
        yield from of_rows(found.columns, iter(found.rows), schema, size)

    @abstractmethod
    def query_alone(self, sql: str, seconds: float) -> Result:
        """The same for a statement that somebody from outside wrote: from now on the connection reaches its tables and nothing
        else, and the statement is stopped after so many seconds, with BadRequest."""

    @abstractmethod
    def change(self, statements: Sequence[str], besides: Sequence[str] = ()) -> None:
        """Carry out statements that change published rows in one atomic step, and leave nothing of the rows as they were, nor of
        what the tables `besides` had before. Raises BadRequest where something of it is left, with the changes in place."""

    @abstractmethod
    def tables(self) -> set[str]:
        """Every published table, as `schema.table`."""

    @abstractmethod
    def identity(self) -> Identity | None:
        """Which warehouse this is and what was published last; None before the first publication."""

    @abstractmethod
    def columns(self, table: str) -> dict[str, str]:
        """Name and type of each column of a table, in order."""

    @abstractmethod
    def published_contents(self, table: Table) -> list[Content]:
        """What each period of a published table holds, its quarantine included."""

    @abstractmethod
    def landing(self, files: Mapping[str, Mapping[str, str]], columns: dict[str, str]) -> Expr:
        """What `landing.<table>` stands for in SQL: the rows of these Parquet files, each with its columns and their types of
        Arrow; or none with these columns and types of SQL."""

    def spent(self) -> list[Statement]:
        """The statements that ended since the last call, for an engine that charges for each; empty for others."""
        return []

    @abstractmethod
    def soda_data_source(self, name: str) -> Any:
        """This connection as the data source that Soda verifies contracts on."""


class Staging(Session):
    """One run's connection, with staging tables of its own. Published tables can be read within `reading`, written within
    `publishing`; to enter either raises BadData where the warehouse is not the one that the ledger knows."""

    _open: ExitStack | None = None  # what is entered while published tables can be read or written

    @contextmanager
    def reading(self) -> Iterator[None]:
        """While it is entered published tables can be read, and nobody publishes; may be nested."""
        if self._open:
            yield
            return
        with ExitStack() as stack:
            self._begin_reading(stack)
            yield

    @abstractmethod
    def _begin_reading(self, stack: ExitStack) -> None:
        """Enter what is needed to read."""

    @contextmanager
    def _let_go(self) -> Iterator[None]:
        """What is entered to read is left, and entered again afterwards."""
        if stack := self._open:
            stack.close()
        yield
        if stack:
            self._begin_reading(stack)

    @abstractmethod
    def give_way(self) -> None:
        """Within `reading`, between two statements: let those publish who have come to wait for it."""

    @abstractmethod
    def publishing(self) -> AbstractContextManager[None]:
        """While it is entered nobody else reads or publishes."""

    @abstractmethod
    def ensure(self, outputs: Sequence[Output]) -> None:
        """Create missing tables from their contracts, empty, and add new columns. Raises BadData if a table is missing although
        periods of it are published according to the ledger, SpecError for columns that a contract retypes or drops."""

    @staticmethod
    @abstractmethod
    def unconnected(name: str) -> Any:
        """A data source as `soda_data_source` gives it, without a connection: enough to build statements."""

    @staticmethod
    def staging_name_of_every_run(output: str) -> str:  # noqa: ARG004
        """The same where it is one for all runs, so that what reads it can be prepared before there is one; or else empty."""
        return ""

    @abstractmethod
    def staging_name(self, output: str) -> str:
        """What the staged rows of an output (`schema.table`) are called in SQL."""

    @abstractmethod
    def stage(self, table: Table, selects: Sequence[str], asked: Asked = nothing) -> list[Content]:
        """Create or replace the staging table from the rows of all SELECTs, with a view per output; returns the contents of its
        periods. A table with a quarantine is staged once, with the column `quarantine_reason`. `asked`: returns the next queries
        of it, so that an engine that charges per statement can answer them together."""

    @abstractmethod
    def stage_from(self, other: Warehouse, table: Table, intervals: Sequence[Interval] | None, mask: str) -> list[Content]:
        """Within `other.at_rest`: as `stage`, of its published rows of these days (None: all), personal data hashed by a key."""

    @abstractmethod
    def changed_days(self, table: Table, zone: str) -> list[Interval]:
        """The business days on which what was valid differs between the staged and the published rows, of a table whose rows
        hold from `valid_from` to `valid_to`."""

    @abstractmethod
    def replace(self, replacements: Sequence[Replacement], after: Identity | None = None) -> dict[str, int]:
        """Within `publishing`: carry out all replacements in one atomic step, or none; `after` is what the warehouse is then. An
        engine that commits table by table gives the snapshots of tables and quarantines; a crash leaves some of them replaced."""

    @abstractmethod
    def drop(self, tables: Sequence[str], after: Identity) -> None:
        """Within `publishing`: drop published tables (`schema.table`), all or none; `after` is what the warehouse is then."""

    @abstractmethod
    def keep(self) -> None:
        """Keep the staging tables after the session, to be inspected."""

    @abstractmethod
    def forget(self, run_key: str) -> None:
        """Remove what a run has kept, if anything; another session would have to be started for `Warehouse.forget`."""


class Warehouse(ABC):
    """An engine where SQL runs, chosen by the type of the connection `headline_warehouse`."""

    dialect: str

    @abstractmethod
    @contextmanager
    def session(self, *, read_only: bool = False) -> Iterator[Session]:
        """Open the warehouse; waits while somebody publishes. Raises Transient when it stays unreachable or locked."""
        yield NotImplemented

    @abstractmethod
    @contextmanager
    def staging(self, run_key: str, locks: Locks | None = None) -> Iterator[Staging]:
        """Open a run's session, without staging tables; `locks`: those of its run, which are held by one connection."""
        yield NotImplemented

    @abstractmethod
    @contextmanager
    def kept(self, run_key: str) -> Iterator[Staging]:
        """Open what a run has kept, to read it; raises BadRequest where nothing is there."""
        yield NotImplemented

    @abstractmethod
    def forget(self, run_key: str) -> None:
        """Remove what a run has kept, if anything."""

    def keep_up(self) -> list[str]:
        """Do what the engine leaves undone for fast reads: the published tables it was done to; none where nothing is left."""
        return []

    @abstractmethod
    def mismatch(self) -> str:
        """In words why it is not the warehouse that the ledger knows; empty where they belong together."""

    @abstractmethod
    def is_empty(self) -> bool:
        """Whether there is no table in it, or it is not there."""

    @abstractmethod
    @contextmanager
    def at_rest(self, holder: str) -> Iterator[None]:
        """While it is entered nobody publishes. Raises BadData where it is not the warehouse that the ledger knows."""
        yield

    @abstractmethod
    @contextmanager
    def alone(self, holder: str) -> Iterator[None]:
        """While it is entered nobody else reads or publishes."""
        yield

    @abstractmethod
    def copy(self, folder: Path) -> None:
        """Within `at_rest`: copy all of it into a local folder."""

    @abstractmethod
    def beside(self, copied: Path | None = None) -> Warehouse:
        """A warehouse beside this one that can take its place, unknown to the ledger: as `copy` left it in a folder, or empty."""

    @abstractmethod
    def give_place(self, other: Warehouse) -> str:
        """Within `alone`: let one that was made beside it take its place; says where what was there is kept, if anything was."""
