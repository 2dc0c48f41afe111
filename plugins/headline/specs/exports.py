"""What leaves: `include/sql/exports/<name>/export.yml` beside its SELECT `<name>.sql`, and who receives it (`receivers.yml`)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, model_validator

from headline import settings
from headline.errors import SpecError
from headline.intervals import Period
from headline.specs.catalog import Catalog
from headline.specs.files import read_yaml
from headline.specs.lenient import keys, understood
from headline.specs.values import Empty, Model, Name, Share, TableName, Zone
from headline.specs.window import Window

FILE = "export.yml"
RECEIVERS = "receivers.yml"
SqlType = Annotated[str, Field(pattern=r"^(varchar|bigint|integer|double|boolean|date|timestamp|decimal\(\d{1,2}, ?\d{1,2}\))$")]
# Five fields of cron: a time of its own, so that no export runs beside the pipelines of the night.
Cron = Annotated[str, Field(pattern=r"^\S+ \S+ \S+ \S+ \S+$")]
SqlName = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$")]


class ExportColumn(Model):
    """What a column of the result promises: its type in DuckDB's dialect, and whether it may be NULL."""

    type: SqlType
    nullable: bool = False
    description: Annotated[str, Field(min_length=5)]


class Personal(Model):
    """Why personal data may leave: which columns hold them, and the legal basis in words that a data protection officer knows."""

    columns: Annotated[list[Name], Field(min_length=1)]
    legal_basis: Annotated[str, Field(min_length=15)]


class Files(Model):
    """A dump: files below the place that an Airflow connection names (its extra `path`), with a manifest for each period.

    `keep_days`: how long files are kept after their dump was made or replaced; 0: for ever.
    """

    kind: Literal["files"]
    connection: Name
    format: Literal["parquet", "csv"] = "parquet"
    rows_per_file: Annotated[int, Field(gt=0, le=50_000_000)] = 1_000_000
    keep_days: Annotated[int, Field(ge=0)]


class _Changes(Model):
    """Only rows that changed are sent. `removals`: rows that are gone are told too; `most_removed`: the most of them at once, as
    a share of all that were delivered: more than that is taken for a mistake, and nothing is sent."""

    connection: Name
    removals: bool = True
    most_removed: Share = Field(default="0.2", validate_default=True)


class Webhook(_Changes):
    """Changed rows are posted to a path of an HTTP service, so many in one request."""

    kind: Literal["webhook"]
    path: Annotated[str, Field(pattern=r"^/?[\w./{}-]+$")]
    rows_per_request: Annotated[int, Field(gt=0, le=10_000)] = 1


class DatabaseTable(_Changes):
    """Changed rows are written to a table of a PostgreSQL database that has a unique index on the key."""

    kind: Literal["table"]
    table: SqlName
    rows_per_request: Annotated[int, Field(gt=0, le=10_000)] = 500


class Labels(Model):
    """What makes an export one of point-in-time features.

    `sql`: the SELECT of the labels of a period; `key`: the columns that tell its rows apart; `entity`: which of them a landing
    names too; `moment`: when the label was given, in UTC. The SELECT of the export reads them as `known.labels`, and as
    `known.<landing>` the rows of the label's entity that were known at its moment: `landings` says in which of its columns the
    entity stands, `days` how many days before the first label are read. `first_known`: a day that landed later than it would
    have by the schedule, as all days of a backfill do, counts as known since it was `recorded`, or since its `deadline`.
    """

    key: Annotated[list[Name], Field(min_length=1)]
    entity: Name
    moment: Name
    sql: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]*\.sql$")]
    landings: Annotated[dict[Name, Name], Field(min_length=1)]
    days: Annotated[int, Field(gt=0, le=400)]
    first_known: Literal["recorded", "deadline"] = "recorded"


class Export(Model):
    """One export: what of which tables goes where, to whom and when."""

    description: Annotated[str, Field(min_length=10)]
    area: Name
    receiver: Name
    period: Period
    schedule: Cron
    zone: Zone = "UTC"
    reads: dict[TableName, Annotated[Window, Empty]]
    key: Annotated[list[Name], Field(min_length=1)]
    columns: Annotated[dict[Name, ExportColumn], Field(min_length=1)]
    least_rows: Annotated[int, Field(ge=0)] = 1
    personal: Personal | None = None
    features: Labels | None = None
    to: Annotated[Files | Webhook | DatabaseTable, Field(discriminator="kind")]

    _folder: Path = PrivateAttr()

    @model_validator(mode="after")
    def _fits_together(self) -> Export:
        if unknown := [name for name in self.key if name not in self.columns]:
            raise ValueError(f"key: {', '.join(unknown)} is no column")
        if nullable := [name for name in self.key if self.columns[name].nullable]:
            raise ValueError(f"key: {', '.join(nullable)} may be NULL, which tells no row from another")
        if self.personal and (unknown := [name for name in self.personal.columns if name not in self.columns]):
            raise ValueError(f"personal.columns: {', '.join(unknown)} is no column")
        if self.personal and (both := [name for name in self.key if name in self.personal.columns]):
            raise ValueError(
                f"key: {', '.join(both)} is personal data, and the ledger keeps the keys of rows: use the person's id"
            )
        if self.to.kind != "files" and self.period != "all":
            raise ValueError("period: changed rows are found in all rows of an export: period: all")
        if self.features and self.features.entity not in self.features.key:
            raise ValueError(f"features.entity: {self.features.entity} is no column of features.key")
        if self.features and (self.to.kind != "files" or self.period == "all"):
            raise ValueError("features: are written as files, by day, week or month of their labels")
        return self

    @property
    def folder(self) -> Path:
        return self._folder

    @property
    def id(self) -> str:
        return self._folder.name

    @property
    def kind(self) -> str:
        """What it is called in lists: dump, features, webhook or table."""
        return "features" if self.features else {"files": "dump"}.get(self.to.kind, self.to.kind)

    @property
    def files(self) -> Files:
        """How its files are written; raises TypeError where it writes none."""
        if not isinstance(self.to, Files):
            raise TypeError(f"{self.id} writes no files")
        return self.to

    @property
    def changing(self) -> Webhook | DatabaseTable:
        """Where its changed rows go; raises TypeError where it writes files."""
        if isinstance(self.to, Files):
            raise TypeError(f"{self.id} writes files")
        return self.to

    @property
    def sql_file(self) -> Path:
        return self._folder / f"{self.id}.sql"

    @property
    def label_file(self) -> Path | None:
        return self._folder / self.features.sql if self.features else None


class Receiver(Model):
    """Who receives exports: the areas whose tables they may be given, and whether personal data may be among them."""

    who: Annotated[str, Field(min_length=10)]
    areas: Annotated[list[Name], Field(min_length=1)]
    personal: bool = False


def export_folders() -> list[Path]:
    """Every folder that holds an export.yml."""
    return sorted(file.parent for file in (settings.load().sql / "exports").glob(f"*/{FILE}"))


def load_export(name: str) -> Export:
    """The export called so; raises SpecError with all faults at once, each with file and key."""
    folder = settings.load().sql / "exports" / name
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name) or not (folder / FILE).is_file():
        known = ", ".join(one.name for one in export_folders()) or "none"
        raise SpecError([f"no export is called {name}; there are: {known}"])
    where, content = f"exports/{name}/{FILE}", read_yaml(folder / FILE)
    found, errors = understood(Export, content, {})
    faults = [f"{where}: {'.'.join(map(str, keys(content, error))) or 'the file'}: {error['msg']}" for error in errors]
    if found is None or faults:
        raise SpecError(faults)
    found._folder = folder
    if faults := [f"{where}: {fault}" for fault in _faults(found)]:
        raise SpecError(faults)
    return found


def load_exports() -> tuple[list[Export], list[str]]:
    """The exports without faults, in order of their names, and the faults of the others."""
    exports, faults = [], []
    for folder in export_folders():
        try:
            exports.append(load_export(folder.name))
        except SpecError as error:
            faults += error.faults
    return exports, faults


def load_receivers() -> dict[str, Receiver]:
    """Who receives exports, by name; raises SpecError with all faults at once."""
    content = read_yaml(settings.load().sql / "exports" / RECEIVERS)
    if not isinstance(content, dict):
        raise SpecError([f"exports/{RECEIVERS}: write each receiver as a key with `who` and `areas` below it"])
    found, faults = {}, []
    for name, said in content.items():
        receiver, errors = understood(Receiver, said, {})
        faults += [f"exports/{RECEIVERS}: {name}.{'.'.join(map(str, keys(said, one)))}: {one['msg']}" for one in errors]
        if receiver:
            found[str(name)] = receiver
    if faults:
        raise SpecError(faults)
    return found


def export_faults(export: Export, catalog: Catalog) -> Iterator[str]:
    """What does not fit to the pipelines: a name that is taken, tables that nobody makes."""
    where = f"exports/{export.id}/{FILE}"
    if export.id in catalog.pipelines:
        yield f"{where}: the id {export.id} is taken by a pipeline; folder names are DAG ids"
    for name in export.reads:
        if name != "calendar.days" and (name not in catalog.makers or name.startswith("quarantine.")):
            yield f"{where}: reads: nobody publishes {name}"


def _faults(export: Export) -> Iterator[str]:
    files = [export.sql_file, *([export.label_file] if export.label_file else [])]
    yield from (f"the folder has no {file.name}" for file in files if not file.is_file())
    if export.receiver not in (receivers := load_receivers()):
        yield f"receiver: {RECEIVERS} has no {export.receiver}; there are: {', '.join(receivers)}"
