"""The real pipelines on worlds made up: the real steps, SQL, specs and ledger, with a warehouse that stays open in memory."""

from __future__ import annotations

import hashlib
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from tests.conftest import empty_ledger
from tests.properties.worlds import SHOP, SOURCES, Cell, World

from headline import specs
from headline.errors import Transient
from headline.intervals import Interval
from headline.ledger import Ledger, Load
from headline.pipeline import PipelineRun
from headline.pipeline.audit import audit
from headline.pipeline.publish import publish
from headline.pipeline.write_audit_publish import planned_run, transform_all
from headline.specs import Pipeline
from headline.warehouse import Session, Staging, Warehouse
from headline.warehouse.duckdb.instance import ensure_calendar, instance
from headline.warehouse.duckdb.session import DuckDBSession
from headline.warehouse.duckdb.staging import DuckDBStaging

PROFIT = ("shop", "finance", "app", "core_finance", "core_app", "core_shop", "unit_profit", "investor_profit")
USE = ("app", "core_app", "daily_growth", "investor_growth", "investor_engagement")
Rows = Counter[tuple[Any, ...]]


class MakeStreet(Protocol):
    """Gives the street, empty, with these pipelines."""

    def __call__(self, pipelines: Sequence[str] = PROFIT) -> Street: ...


_MONEY, _TIME = pa.decimal128(18, 4), pa.timestamp("us")
_TYPES = {
    "ordered_at": _TIME,
    "refunded_at": _TIME,
    "updated_at": _TIME,
    "signed_up_at": _TIME,
    "line_number": pa.int64(),
    "quantity": pa.int64(),
    "unit_price": _MONEY,
    "discount_amount": _MONEY,
    "unit_cost": _MONEY,
}


class KeptStaging(DuckDBStaging):
    """Staging beside a warehouse that is always attached: nobody else reads or writes it."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        DuckDBSession.__init__(self, connection)
        self._identity = DuckDBSession.identity(self)

    def _require_unpublished(self, names: list[str]) -> None:
        """Nobody else takes a table away."""

    @contextmanager
    def reading(self) -> Iterator[None]:
        yield

    def give_way(self) -> None:
        """Nobody waits."""

    @contextmanager
    def publishing(self) -> Iterator[None]:
        yield


class KeptOpen(Warehouse):
    """A DuckDB warehouse in memory, whose session ends with the warehouse."""

    dialect = "duckdb"

    def __init__(self) -> None:
        self._open = ExitStack()
        self._connection = self._open.enter_context(instance({"threads": 1}))
        for statement in ("attach ':memory:' as warehouse", "use warehouse"):
            self._connection.execute(statement)
        ensure_calendar(DuckDBSession(self._connection))

    @contextmanager
    def session(self, *, read_only: bool = False) -> Iterator[Session]:
        yield DuckDBSession(self._connection)

    @contextmanager
    def staging(self, run_key: str) -> Iterator[Staging]:
        self._connection.execute("attach ':memory:' as staging")
        try:
            yield KeptStaging(self._connection)
        finally:
            self._connection.execute("detach staging")

    @contextmanager
    def kept(self, run_key: str) -> Iterator[Staging]:
        raise NotImplementedError

    def forget(self, run_key: str) -> None:
        """Nothing is ever kept."""

    def mismatch(self) -> str:
        return ""

    def is_empty(self) -> bool:
        raise NotImplementedError

    @contextmanager
    def at_rest(self, holder: str) -> Iterator[None]:
        raise NotImplementedError

    alone = at_rest

    def copy(self, folder: Path) -> None:
        raise NotImplementedError

    def beside(self, copied: Path | None = None) -> Warehouse:
        raise NotImplementedError

    def give_place(self, other: Warehouse) -> str:
        raise NotImplementedError

    def close(self) -> None:
        self._open.close()


class Street:
    """One deployment from landing to the investors' figures; `clear` tears it down for the next example."""

    def __init__(self, landing: Path, postgres: str) -> None:
        self.landing = landing
        self.postgres = postgres
        self.pipelines: Sequence[str] = PROFIT
        self.catalog = specs.load()
        for table in self.catalog.tables.values():  # these worlds have more blemishes than any limit allows
            table._coverage = table._coverage.model_copy(update={"partial": Decimal(0)})
        self.ledger = Ledger()
        self.warehouse = KeptOpen()
        self._numbers = count()

    def clear(self, pipelines: Sequence[str] = PROFIT) -> None:
        self.pipelines = pipelines
        self.warehouse.close()
        self.warehouse = KeptOpen()
        empty_ledger(self.postgres)

    def arrive(self, world: World, cells: Iterable[Cell] | None = None) -> None:
        """Land what the world sent, or of it only these tables and days; a day that brought nothing lands empty."""
        wanted = list(cells) if cells is not None else [(name, day) for name in SOURCES for day in world.interval]
        for name in SOURCES:
            loads = [self._land(name, day, world.arrived.get((name, day), [])) for table, day in sorted(wanted) if table == name]
            self.ledger.record_loads(loads, "arrival")

    def run(self, interval: Interval, *, audited: bool = False) -> None:
        """Run the pipelines for the interval. Audits change nothing and take most of the time: only where asked for."""
        self.run_pieces([interval], audited=audited)

    def run_pieces(self, pieces: Iterable[Interval], *, audited: bool = False) -> None:
        """Run the pipelines for one piece after the other; a run that has to wait for another piece is tried again after it."""
        waiting: list[tuple[str, Interval]] = []
        for piece in pieces:
            due, waiting = [*((name, piece) for name in self.pipelines), *waiting], []
            for name, interval in due:
                try:
                    self._run(self.catalog.pipelines[name], interval, audited=audited)
                except Transient:
                    waiting.append((name, interval))
        assert not waiting

    def tables(self) -> dict[str, Rows]:
        """Every row of every published table and quarantine, with how often it is there."""
        with self.warehouse.session() as session:
            outputs = [output for name in self.pipelines for output in _outputs(self.catalog.pipelines[name])]
            return {output: Counter(session.query(f"select * from {output}").rows) for output in outputs}

    def rows(self, table: str) -> list[dict[str, Any]]:
        with self.warehouse.session() as session:
            result = session.query(f"select * from {table}")
        return [dict(zip(result.columns, row, strict=True)) for row in result.rows]

    def _run(self, pipeline: Pipeline, interval: Interval, *, audited: bool) -> None:
        run = PipelineRun(pipeline, f"run {next(self._numbers)}", interval, self.catalog, self.ledger, self.warehouse)
        with self.warehouse.staging(run.key) as session:
            planned = planned_run(run, session)
            staged = transform_all(planned, session)
            if audited:
                audit(planned, staged, session)
            assert publish(planned, staged, session) is not None

    def _land(self, name: str, day: date, rows: Sequence[dict[str, Any]]) -> Load:
        content = _parquet(name, day, rows) if rows else b""
        checksum = hashlib.sha256(content).hexdigest()
        file = self.landing / f"{checksum}.parquet"
        if rows and not file.exists():
            file.write_bytes(content)
        return Load(
            landing=f"landing.{name}",
            ds=day,
            file=str(file),
            row_count=len(rows),
            checksum=checksum,
            columns=dict.fromkeys(["ds", *(rows[0] if rows else ())], "string"),
            origin="made up",
            extracted_at=datetime.now(UTC),
        )


def _parquet(name: str, day: date, rows: Sequence[dict[str, Any]]) -> bytes:
    """A file as the real sources write it: typed from a database, text from anywhere else."""
    kinds = _TYPES | ({"amount": _MONEY} if name in SHOP else {})
    columns = {column: pa.array([row[column] for row in rows], kinds.get(column, pa.string())) for column in rows[0]}
    file = io.BytesIO()
    pq.write_table(pa.table({"ds": pa.array([day] * len(rows), pa.date32()), **columns}), file)
    return file.getvalue()


def _outputs(pipeline: Pipeline) -> list[str]:
    return [output for table in pipeline.tables.values() for output in table.outputs]
