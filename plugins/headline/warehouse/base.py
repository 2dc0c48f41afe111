"""What every engine must be able to do; the steps know nothing else of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from headline.intervals import Interval
from headline.specs import Contract

if TYPE_CHECKING:
    from sqlglot.expressions import Expr

CANDIDATES = "candidate"


@dataclass(frozen=True)
class Result:
    """Rows of a query with their column names, in order."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


@dataclass(frozen=True)
class Replacement:
    """Replace the rows of `table` in `intervals` (told by the DATE `period_column`; None = all rows) by the candidate's."""

    table: str
    candidate: str
    columns: list[str]
    intervals: list[Interval]
    period_column: str | None


def candidate_name(table: str, run_key: str) -> str:
    """Where the result of one run for `schema.table` waits for its audit."""
    return f"{CANDIDATES}.{table.replace('.', '__')}__{run_key}"


class Session(ABC):
    """An open connection to the warehouse. Every method may raise Transient; SQL faults raise the engine's own error."""

    @abstractmethod
    def query(self, sql: str) -> Result:
        """Run one statement in the engine's dialect and fetch its rows."""

    @abstractmethod
    def ensure_table(self, table: str, contract: Contract, *, quarantine: bool = False) -> None:
        """Create the published table from its contract, empty, if it is not there."""

    @abstractmethod
    def write_candidate(self, candidate: str, selects: Sequence[str]) -> int:
        """Make the candidate anew from the rows of all SELECTs; returns how many rows it has."""

    @abstractmethod
    def publish(self, replacements: Sequence[Replacement]) -> None:
        """Carry out all replacements in one atomic step, or none."""

    @abstractmethod
    def drop(self, tables: Sequence[str]) -> None:
        """Drop tables that may or may not exist."""

    @abstractmethod
    def landing(self, files: Sequence[str], columns: dict[str, str]) -> Expr:
        """What `landing.<table>` stands for in SQL: the rows of these Parquet files, or none with these columns and types."""

    @abstractmethod
    def soda_data_source(self, name: str) -> Any:
        """This connection as the data source that Soda verifies contracts on."""


class Warehouse(ABC):
    """An engine where SQL runs, chosen by the type of the connection `headline_warehouse`."""

    dialect: str

    @abstractmethod
    @contextmanager
    def session(self, *, read_only: bool = False) -> Iterator[Session]:
        """Open the warehouse; raises Transient when it stays unreachable or locked."""
        yield NotImplemented
