"""metrics.yml: what the figures of a pipeline are called and mean, and how far an issued one may move."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from headline.errors import SpecError
from headline.intervals import Period
from headline.specs.contract_files import read_contract
from headline.specs.files import file_state, parse_yaml, read_text
from headline.specs.lenient import keys, understood
from headline.specs.models import Pipeline, Table

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Unit = Literal["reporting_currency", "users", "sessions", "orders", "units", "share", "ratio", "minutes"]
_SHARE = re.compile(r"(\d+(?:\.\d+)?) ?%")
FILE = "metrics.yml"


class Metric(BaseModel):
    """One metric: a value for each period of its table, and for each segment of it.

    `column`: summed over the rows of a period; `expression`: an aggregate instead. `segments`: columns by whose values it is told
    too. `direction`: whether more is good. `materiality`: the most that an issued figure may move without approval, in its unit,
    or as a share of it (`1 %`); a metric without it is published and never issued. `owner`: an engineer of team.yml instead of
    the owners of the area; `tier`: that of the pipeline where not given. `sum_of`, `less`: metrics of the same periods, or of
    days in them, whose sums make it exactly. `moved_by`: which causes of the file can move it, the likeliest first; all of them
    where not given. `renamed_from`: what it was called before; figures that were issued under these names are its own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: Annotated[str, Field(min_length=10)]
    table: Name
    column: Name | None = None
    expression: Annotated[str, Field(min_length=3)] | None = None
    unit: Unit
    segments: tuple[Name, ...] = ()
    direction: Literal["up", "down", "none"] = "up"
    materiality: str | None = None
    owner: str | None = None
    tier: Literal[1, 2] | None = None
    sum_of: tuple[Name, ...] = ()
    less: tuple[Name, ...] = ()
    moved_by: tuple[str, ...] = ()
    renamed_from: tuple[Name, ...] = ()

    _name: str = PrivateAttr("")
    _table: Table = PrivateAttr()
    _pipeline: Pipeline = PrivateAttr()

    @model_validator(mode="before")
    @classmethod
    def _as_text(cls, said: object) -> object:
        """A limit may be written as a number; as text it stays exact."""
        has_limit = isinstance(said, dict) and said.get("materiality") is not None
        return {**said, "materiality": str(said["materiality"])} if has_limit else said  # type: ignore[dict-item, index]

    @model_validator(mode="after")
    def _is_one_thing(self) -> Metric:
        if (self.column is None) == (self.expression is None):
            raise ValueError("say what it is computed from: `column`, or `expression`")
        limit = self.materiality
        if limit is not None and not _SHARE.fullmatch(limit) and not re.fullmatch(r"\d+(\.\d+)?", limit):
            raise ValueError(f"materiality is {self.materiality!r}: write a number in the metric's unit, or a share such as 1 %")
        return self

    @property
    def name(self) -> str:
        return self._name

    @property
    def of(self) -> Table:
        """The table that it is computed from."""
        return self._table

    @property
    def pipeline(self) -> Pipeline:
        """Who publishes it: whoever may see its DAG may read the metric."""
        return self._pipeline

    @property
    def is_issued(self) -> bool:
        """Whether its figures are issued to investors, and so are recorded in the ledger."""
        return self.materiality is not None

    @property
    def grain(self) -> Period:
        return self._table.period

    @property
    def sql(self) -> str:
        """The aggregate over the rows of a period, or of a segment of it."""
        return self.expression or f"sum({self.column})"

    @property
    def version(self) -> str:
        """The hash of what its values follow from; its description and its limit are none of that."""
        defined = [self.of.full_name, self.grain, " ".join(self.sql.split()), self.unit, self.segments]
        return hashlib.sha256(json.dumps(defined).encode()).hexdigest()[:12]


class Retired(BaseModel):
    """A metric that is told no more: since when, and why."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    retired_on: date
    reason: Annotated[str, Field(min_length=10)]


class Metrics(BaseModel):
    """A whole metrics.yml: `causes` says which raw tables a difference is put down to under which name.

    `retired`: metrics that were issued, here or by a pipeline that is gone, and are defined no more.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    causes: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    metrics: dict[Name, Metric] = Field(default_factory=dict)
    retired: dict[Name, Retired] = Field(default_factory=dict)

    @property
    def names(self) -> dict[str, tuple[str, ...]]:
        """By metric what it was called before."""
        return {name: metric.renamed_from for name, metric in self.metrics.items()}

    @property
    def issued(self) -> Metrics:
        """The same with those metrics alone whose figures are issued."""
        return self.model_copy(update={"metrics": {name: one for name, one in self.metrics.items() if one.is_issued}})


NONE = Metrics()
_READ: dict[Path, tuple[object, Metrics, tuple[str, ...]]] = {}


def limit(materiality: str, issued: Decimal) -> Decimal:
    """The most by which an issued figure of this value may move without approval."""
    share = _SHARE.fullmatch(materiality)
    return abs(issued) * Decimal(share[1]) / 100 if share else Decimal(materiality)


def load_metrics(pipeline: Pipeline) -> Metrics:
    """The metrics of a pipeline, none where it has no metrics.yml; raises SpecError with all faults at once."""
    found, faults = read_metrics(pipeline)
    if faults:
        raise SpecError(list(faults))
    return found


def read_metrics(pipeline: Pipeline) -> tuple[Metrics, tuple[str, ...]]:
    """What metrics.yml says as far as it can be understood, and its faults, each with file and key."""
    file = pipeline.folder / FILE
    state = file_state(file)
    if state is None:
        return NONE, ()
    if file not in _READ or _READ[file][0] != (state, id(pipeline)):
        _READ[file] = ((state, id(pipeline)), *_parse(file, pipeline))
    return _READ[file][1:]


def _parse(file: Path, pipeline: Pipeline) -> tuple[Metrics, tuple[str, ...]]:
    where = f"{pipeline.area}/{pipeline.id}/{FILE}"
    try:
        content = parse_yaml(read_text(file), file)
    except SpecError as error:
        return NONE, tuple(error.faults)
    found, errors = understood(Metrics, content, {"description": "Not described yet."})
    faults = [f"{where}: {'.'.join(map(str, keys(content, error))) or 'the file'}: {error['msg']}" for error in errors]
    if found is None or faults:
        return NONE, tuple(faults)
    for name, written in found.metrics.items():
        metric = found.metrics[name] = written.model_copy(update={"tier": written.tier or pipeline.tier})
        metric._pipeline = pipeline
        if table := pipeline.tables.get(metric.table):
            metric._name, metric._table = name, table
        else:
            faults.append(f"metrics.{name}.table: the pipeline has no table {metric.table}")
    faults = faults or [f"metrics.{name}: {fault}" for name, one in found.metrics.items() for fault in _faults(one, found)]
    told = [*found.metrics, *found.retired, *(former for formers in found.names.values() for former in formers)]
    faults += [f"{name} stands there {count} times: one name is one metric" for name, count in Counter(told).items() if count > 1]
    return found, tuple(f"{where}: {fault}" for fault in faults)


def _faults(metric: Metric, of_file: Metrics) -> Iterator[str]:
    """What does not fit to the contract of its table, or to the other metrics."""
    table = metric.of
    if table.period_column is None:
        yield f"{table.full_name} is replaced whole; a figure belongs to a day, week or month"
        return
    contract, _ = read_contract(table)
    columns = {column.name: column for column in contract.columns} if contract else {}
    for name in (*metric.segments, *([metric.column] if metric.column else ())):
        if contract and name not in columns:
            yield f"{table.contract_file.name} has no column {name}"
    if metric.column in columns:
        summed = set(table.key) - {table.period_column}
        over = columns[metric.column].attributes.additive_over
        if not_over := sorted(() if over in (None, "all") else summed - set(over)):
            yield f"{metric.column} cannot be summed over {', '.join(not_over)}: write an `expression`"
    yield from _unknown("moved_by", metric.moved_by, of_file.causes)
    for key, names in (("sum_of", metric.sum_of), ("less", metric.less)):
        yield from _unknown(key, names, of_file.metrics)
        yield from (
            f"{key}: {name} is of a {of_file.metrics[name].grain}, {metric.name} of a {metric.grain}"
            for name in names
            if name in of_file.metrics and of_file.metrics[name].grain not in ("day", metric.grain)
        )
        if metric.is_issued and (not_issued := [name for name in names if name not in of_file.issued.metrics]):
            yield f"{key}: nothing is recorded of {', '.join(not_issued)}: state its `materiality`"


def _unknown(key: str, names: tuple[str, ...], known: Mapping[str, object]) -> Iterator[str]:
    yield from (f"{key}: the file has no {name}; there are: {', '.join(known)}" for name in names if name not in known)
