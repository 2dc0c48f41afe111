"""The closed vocabulary of pipeline.yml and source.yml; unknown keys are refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, PrivateAttr, model_validator

from headline import settings
from headline.intervals import DAY, Period
from headline.specs.experiments import experiment_plans
from headline.specs.ingests import AnyIngest
from headline.specs.values import Clock, Dimension, Empty, Model, Name, Share, TableName
from headline.specs.window import Window, widest


class Coverage(Model):
    """How much of a day must be valid, as shares: from `complete` on of each kind of money (of rows where there is none) the day
    is complete, from `partial` on of all rows, or of all money, the valid rows are published and labelled, below it nothing is.
    What is not stated is strict: everything counts."""

    complete: Share = Decimal(1)
    partial: Share = Decimal(1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.partial > self.complete:
            raise ValueError(f"partial begins at {self.partial}, above {self.complete}, from where a day is complete")
        return self


@cache  # a run asks for the files of its tables hundreds of times
def _file(folder: Path, name: str) -> Path:
    return folder / name


class Table(Model):
    """One table of a pipeline: its SELECT is `<name>.sql`, its contract `<name>.contract.yml` beside the spec.

    `key`: the columns that tell one row from another. `exempt`: dimensions of check that it does without, each with the reason.
    """

    key: list[Name] = Field(default_factory=list)
    exempt: dict[Dimension, Annotated[str, Field(min_length=10)]] = Field(default_factory=dict)
    reads: dict[TableName, Annotated[Window, Empty]] = Field(default_factory=dict)
    period: Period = "day"
    quarantine: bool = False

    _folder: Path = PrivateAttr()
    _schema: str = PrivateAttr()
    _name: str = PrivateAttr()
    _coverage: Coverage = PrivateAttr(default_factory=Coverage)
    _takes_over_landing: bool = PrivateAttr(default=False)

    @property
    def takes_over_landing(self) -> bool:
        """Whether it states no reads, so that it maps what landed under its name, day by day and row for row."""
        return self._takes_over_landing

    @property
    def name(self) -> str:
        return self._name

    @property
    def full_name(self) -> str:
        return f"{self._schema}.{self._name}"

    @property
    def quarantine_name(self) -> str:
        return f"quarantine.{self._name}"

    @property
    def outputs(self) -> list[str]:
        """The tables that the one SELECT fills: the table itself and, where it has one, its quarantine."""
        return [self.full_name, self.quarantine_name] if self.quarantine else [self.full_name]

    @property
    def period_column(self) -> str | None:
        """The DATE column that the table is replaced by; None for a table that is rebuilt whole."""
        return {"day": "ds", "week": "week", "month": "month", "all": None}[self.period]

    @property
    def template_names(self) -> dict[str, Any]:
        """What the templates of its SELECT and of its contract know of the specification."""
        return {"coverage": self._coverage, "experiment_plans": experiment_plans()}

    @property
    def sql_file(self) -> Path:
        return _file(self._folder, f"{self._name}.sql")

    @property
    def contract_file(self) -> Path:
        """The file beside the spec; a source that stands in for another (HEADLINE_SOURCES) may leave it with the original."""
        name = f"{self._name}.contract.yml"
        file = _file(self._folder, name)
        if self._schema == "raw" and not file.is_file():
            return settings.load().sql / "sources" / self._folder.name / name
        return file


class Pipeline(Model):
    """A folder of SQL that becomes one DAG: its tables are transformed and audited one by one and published together."""

    description: Annotated[str, Field(min_length=10)]
    tier: Literal[1, 2]
    lands_at: Clock
    coverage: Coverage = Field(default_factory=Coverage)
    tables: Annotated[dict[Name, Annotated[Table, Empty]], Field(min_length=1)]

    _folder: Path = PrivateAttr()

    @property
    def folder(self) -> Path:
        return self._folder

    @property
    def id(self) -> str:
        return self._folder.name

    @property
    def area(self) -> str:
        return self._folder.parent.name

    @property
    def schema_name(self) -> str:
        return self.area

    def due_at(self, day: date) -> datetime:
        """The moment by which a business day must be published: the first `lands_at` after its end in the reporting zone."""
        return due_at(self.lands_at, day, settings.load().reporting_zone)

    @property
    def runbook_file(self) -> Path:
        return self._folder / "RUNBOOK.md"

    @cached_property
    def outputs(self) -> dict[str, Table]:
        """Every name that the pipeline fills, quarantines too, with the table that fills it."""
        return {output: table for table in self.tables.values() for output in table.outputs}

    @property
    def names(self) -> list[str]:
        """Every name that it fills: tables, quarantines and what it lands."""
        return list(self.outputs)

    @cached_property
    def ordered_tables(self) -> list[Table]:
        """The tables, each after those of the same pipeline that it reads."""
        from graphlib import TopologicalSorter

        mine = {table.full_name: table for table in self.tables.values()}
        graph = {
            name: {self.outputs[read].full_name for read in table.reads if read in self.outputs} for name, table in mine.items()
        }
        return [mine[name] for name in TopologicalSorter(graph).static_order()]

    def external_reads(self, table: Table) -> dict[str, Window]:
        """What one of its tables reads of other pipelines and of the landing zone."""
        return {name: window for name, window in table.reads.items() if name not in self.outputs}

    def reads_by_table(self, table: Table) -> dict[str, Window]:
        """What one of its tables reads, by the names that the ledger knows: a quarantine is published with its table."""
        reads: dict[str, Window] = {}
        for name, window in table.reads.items():
            known = self.outputs[name].full_name if name in self.outputs else name
            reads[known] = widest(reads.get(known, window), window)
        return reads

    @cached_property
    def inputs(self) -> dict[str, Window]:
        """What the pipeline reads of others, each with the widest window that any of its tables asks for."""
        inputs: dict[str, Window] = {}
        for table in self.tables.values():
            for name, window in self.external_reads(table).items():
                inputs[name] = widest(inputs.get(name, Window()), window)
        return inputs


class Source(Pipeline):
    """A folder of SQL that becomes one DAG: what another team owns is landed, then mapped to raw tables like any other."""

    ingest: dict[Name, AnyIngest] = Field(default_factory=dict)

    @property
    def schema_name(self) -> str:
        return "raw"

    @property
    def landed(self) -> dict[str, AnyIngest]:
        """How each `landing.<name>` that the tables read is filled."""
        return {f"landing.{name}": ingest for name, ingest in self.ingest.items()}

    @property
    def names(self) -> list[str]:
        return [*super().names, *self.landed]

    @property
    def runbook_file(self) -> Path:
        """Beside the spec; a source that stands in for another (HEADLINE_SOURCES) may leave it with the original."""
        own = super().runbook_file
        return own if own.is_file() else settings.load().sql / "sources" / self.id / own.name


def due_at(lands_at: time, day: date, zone: str) -> datetime:
    """The first `lands_at`, in UTC, after the end of a day in a zone."""
    ended = datetime.combine(day + DAY, time.min, ZoneInfo(zone)).astimezone(UTC)
    due = datetime.combine(ended.date(), lands_at, UTC)
    return due if due >= ended else due + DAY
