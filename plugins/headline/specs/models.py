"""The closed vocabulary of pipeline.yml and source.yml; unknown keys are refused."""

from __future__ import annotations

import codecs
import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator

from headline import settings
from headline.intervals import DAY, Interval, Period
from headline.specs.working_days import WorkingDays

Days = Annotated[int, Field(ge=0)] | Literal["all"]


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no time zone is called {name!r}; such as Europe/Berlin") from None
    return name


def _known_encoding(name: str) -> str:
    try:
        found = codecs.lookup(name)
        "".encode(name)  # fails for what is no encoding of text, such as base64
    except LookupError:
        raise ValueError(f"no encoding is called {name!r}; such as utf-8 or cp1252") from None
    return found.name


def _one_sign(sign: str) -> str:
    if len(sign) != 1 or sign in "\r\n\0":
        raise ValueError(f"{sign!r} is not one sign within a line")
    return sign


def _tells_a_day(form: str) -> str:
    day = datetime(2026, 11, 23)  # noqa: DTZ001 (of any zone)
    try:
        found = datetime.strptime(day.strftime(form), form)  # noqa: DTZ007
    except ValueError as error:
        raise ValueError(f"{form!r} is no format of strptime: {error}") from None
    if found.date() != day.date():
        raise ValueError(f'{form!r} does not tell year, month and day; such as "%d/%m/%Y"')
    return form


def leads_out(path: str) -> bool:
    """Whether a path below a root is written so that it may lie elsewhere: absolute, an address, or up again."""
    return path.startswith(("/", "~")) or "\\" in path or "\0" in path or "://" in path or ".." in path.split("/")


def is_within(path: Path, folder: Path) -> bool:
    """Whether a path is below a folder when every link on the way is followed."""
    return path.resolve().is_relative_to(folder.resolve())


def _stays_below(path: str) -> str:
    if leads_out(path):
        raise ValueError(f"{path!r} leads out of the folder that the connection names; write a path below it")
    return path


def _names_day(pattern: str) -> bool:
    return re.search(r"\{\{[^}]*\b(ds|start|end)\b[^}]*\}\}", pattern) is not None


Zone = Annotated[str, AfterValidator(_known_zone)]
Encoding = Annotated[str, AfterValidator(_known_encoding)]
DayFormat = Annotated[str, AfterValidator(_tells_a_day)]
Sign = Annotated[str, AfterValidator(_one_sign)]
PathBelow = Annotated[str, AfterValidator(_stays_below)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
TableName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
# YAML reads a key without a value as null: `raw.orders:` means «with the defaults».
Empty = BeforeValidator(lambda value: {} if value is None else value)


def _quoted(value: object) -> object:
    """YAML reads 12:30 without quotes as the number 750, which would pass as 12 minutes and 30 seconds."""
    if isinstance(value, int | float):
        raise ValueError('write the time in quotes: "12:30"')
    return value


# DOMAIN: checks of five dimensions stand at every gate.
Dimension = Literal["schema", "reconciliation", "anomaly", "duplicates", "completeness"]
ColumnType = Literal["text", "integer", "decimal", "double", "boolean", "date", "timestamp", "timestamp with time zone"]
Clock = Annotated[time, BeforeValidator(_quoted)]
Share = Annotated[Decimal, Field(ge=0, le=1)]
Delay = Annotated[timedelta, BeforeValidator(_quoted)]


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Window(Model):
    """Which days of an input day t of the output depends on: [t - lookback_days, t + lookahead_days].

    `without_gaps`: of the days before, none may be missing since the first that was ever published. A day without rows is none.
    Days that a table of the same pipeline lacks are computed with the run.
    """

    lookback_days: Days = 0
    lookahead_days: Days = 0
    without_gaps: bool = False

    @model_validator(mode="before")
    @classmethod
    def _former_names(cls, said: Any) -> Any:
        """The keys were called `days_before` and `days_after` once; files that still say so are read."""
        former = {"days_before": "lookback_days", "days_after": "lookahead_days"}
        return {former.get(key, key): value for key, value in said.items()} if isinstance(said, dict) else said

    def reach(self, interval: Interval) -> Interval:
        """The days of an input that the days of an interval depend on."""
        return _extended(interval, self.lookback_days, self.lookahead_days)

    def touched_by(self, interval: Interval) -> Interval:
        """The days that depend on the days of an input's interval."""
        return _extended(interval, self.lookahead_days, self.lookback_days)


def _extended(interval: Interval, before: Days, after: Days) -> Interval:
    """The interval with so many days more on each side, as far as there are dates."""
    start = date.min if before == "all" else date.min + max(interval.start - date.min - timedelta(days=before), timedelta())
    end = date.max if after == "all" else date.max - max(date.max - interval.end - timedelta(days=after), timedelta())
    return Interval(start, end)


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
        return {"coverage": self._coverage}

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


class Ingest(Model):
    """How one table is read from its source, a business day at a time.

    `lookback_days`: days already loaded that every run reads again, for rows that come late. `key`, `measures`: the columns that
    tell a record, and those whose sums must not move unseen when a day is read again. `immutable`: those that stay as they are
    once a record is loaded, such as its currency; one that changes counts as another record. `zone`: where moments without an
    offset are at home. `null_markers`: texts that mean «not given» besides the empty one. `types`: what columns arrive as where
    that is neither what the SQL casts them to nor what they were before. `person`, `personal`: the column that tells whose a
    record is, and those with other personal data; `headline erase` goes by them.
    `calendar`: when the source is closed; where it is given, nothing at all for another day means that the day is missing.
    """

    connection: Name
    lookback_days: Annotated[int, Field(ge=0)] = 0
    zone: Zone = "UTC"
    decimal_separator: Literal[".", ","] = "."
    null_markers: list[str] = Field(default_factory=list)
    key: list[str] = Field(default_factory=list)
    measures: list[str] = Field(default_factory=list)
    immutable: list[str] = Field(default_factory=list)
    types: dict[str, ColumnType] = Field(default_factory=dict)
    person: str | None = None
    personal: list[str] = Field(default_factory=list)
    calendar: Annotated[WorkingDays, Empty] | None = None


class DatabaseIngest(Ingest):
    """A query in the source's own dialect, in a file beside the spec; its result has the column `ds`.

    `orphans`: a query of what no day brings, such as lines of an order that is not there; reconciliation tells what it finds.
    """

    kind: Literal["database"]
    extract: Annotated[str, Field(pattern=r"^\w[\w.-]*\.extract\.sql$")]
    orphans: Annotated[str | None, Field(pattern=r"^\w[\w.-]*\.orphans\.sql$")] = None

    @property
    def sql_files(self) -> dict[str, str]:
        """The files of its queries by the key that names them."""
        return {"extract": self.extract} | ({"orphans": self.orphans} if self.orphans else {})


class TextIngest(Ingest):
    """A source that sends text. `encoding`: how its letters are written; JSON over HTTP in a form of Unicode says so itself."""

    encoding: Encoding = "utf-8"


class HttpIngest(TextIngest):
    """A paged JSON endpoint: the list under `records`, the next page's cursor under `next`, sent back as `cursor`."""

    kind: Literal["http"]
    path: str
    params: dict[str, str] = Field(default_factory=dict)
    records: str
    next: str
    cursor: str
    day: Name


class FilesIngest(TextIngest):
    """Files that somebody drops: one a day if `pattern` names the day, else one of many days, told apart by the column `day`.

    That column holds days, moments, or in Parquet integers: seconds since 1970, UTC. `moment`: of one file a day the column that
    tells when a record happened; it belongs to that business day, though the file's date, in `zone`, may be another.
    `day_format`: how texts of that column are written that are not in a form of ISO 8601, in the letters of strptime: "%d/%m/%Y".
    `undated`: the one file is replaced in place and tells of no day; as it is found it is the snapshot of each day that is read.
    """

    kind: Literal["files"]
    pattern: PathBelow
    format: Literal["csv", "json", "parquet"]
    day: str | None = None
    moment: str | None = None
    day_format: DayFormat | None = None
    undated: bool = False
    delimiter: Sign = ","
    quote: Sign = '"'

    @model_validator(mode="after")
    def _signs_differ(self) -> Self:
        if self.delimiter == self.quote:
            raise ValueError(f"delimiter and quote are both {self.quote!r}")
        return self

    @model_validator(mode="after")
    def _day_is_told_once(self) -> Self:
        if self.undated and (self.day is not None or _names_day(self.pattern)):
            raise ValueError("undated says that nothing tells the day, and `day` or `pattern` does")
        return self

    @model_validator(mode="after")
    def _moments_are_of_files_by_date(self) -> Self:
        if self.moment is not None and (self.day is not None or not _names_day(self.pattern)):
            raise ValueError(
                "moment is for one file a day, whose pattern names it; in a file of many days `day` may hold moments"
            )
        return self

    @model_validator(mode="after")
    def _format_is_of_a_column(self) -> Self:
        if self.day_format is not None and self.day is None and self.moment is None:
            raise ValueError("day_format says how the texts of the column `day` or `moment` are written: name one of them")
        return self

    @property
    def tells_day(self) -> bool:
        """Whether it is said to which day a row belongs."""
        return self.undated or self.day is not None or _names_day(self.pattern)


class StreamIngest(TextIngest):
    """Micro-batches (gzip, JSON lines) dropped at any time of the day; `pattern` tells when, in the letters of strftime, UTC.

    A record belongs to the business day of its field `moment` (ISO 8601, UTC) if it arrives on that day or on one of the
    `lookback_days` after it. Every other one stays on the day it arrived, for the SQL that follows to judge.
    """

    kind: Literal["stream"]
    pattern: PathBelow
    moment: Name


AnyIngest = Annotated[DatabaseIngest | HttpIngest | FilesIngest | StreamIngest, Field(discriminator="kind")]


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


def widest(one: Window, other: Window) -> Window:
    """The window that holds both."""

    def most(a: Days, b: Days) -> Days:
        return "all" if "all" in (a, b) else max(a, b)

    return Window(
        lookback_days=most(one.lookback_days, other.lookback_days),
        lookahead_days=most(one.lookahead_days, other.lookahead_days),
        without_gaps=one.without_gaps or other.without_gaps,
    )
