"""How what a source has is read, by the kind of source."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from headline.specs.values import ColumnType, DayFormat, Empty, Encoding, Model, Name, PathBelow, Sign, Zone
from headline.specs.working_days import WorkingDays


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


def _names_day(pattern: str) -> bool:
    return re.search(r"\{\{[^}]*\b(ds|start|end)\b[^}]*\}\}", pattern) is not None
