"""A table's contract: its columns, and its checks as far as Headline itself needs to know them; the rest is Soda's to read."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from headline.errors import SpecError
from headline.specs.soda_schema import contract_faults
from headline.specs.values import Dimension

# Soda knows these too; left as they are they would read what is published, not the staging table.
_OTHER_QUERIES = ("keys_query", "rows_tested_query")
# What a type of check of Soda's is by its nature; every other type says its dimension: `attributes: {dimension: …}`.
_DIMENSIONS: dict[str, Dimension] = {
    "schema": "schema",
    "missing": "schema",
    "invalid": "schema",
    "duplicate": "duplicates",
    "row_count": "completeness",
}


@dataclass(frozen=True)
class Check:
    """One check: what Soda calls it (`type`, `body`), the column it is on ("" for the table's own), and its dimension."""

    column: str
    type: str
    body: dict[str, Any]
    dimension: Dimension

    @property
    def name(self) -> str:
        return str(self.body.get("name") or self.type.replace("_", " "))

    @property
    def description(self) -> str | None:
        """What a failure means, where its author says so."""
        return (self.body.get("attributes") or {}).get("description")

    @property
    def warns(self) -> bool:
        """Whether it lets the publication pass."""
        return bool((self.body.get("threshold") or {}).get("level") == "warn")

    @cached_property
    def qualifier(self) -> str:
        """What tells it from others of its type, as Soda demands; a check without a name has none."""
        return str(self.body.get("qualifier") or re.sub(r"\W+", "_", self.body.get("name", "").lower()).strip("_"))

    @cached_property
    def path(self) -> str:
        """How Soda calls it in its results: `columns.<column>.checks.<type>.<qualifier>`."""
        parts = ["columns", self.column, "checks"] if self.column else ["checks"]
        return ".".join([*parts, self.type, self.qualifier]).removesuffix(".")


class ColumnAttributes(BaseModel):
    """What is to be known of a column besides its type.

    `personal`: its values never leave the table, not even in a sample. `additive_over`: the columns of the key over which its
    values can be summed: `all`, some, or none (`[]`), as of users, whom several rows count.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    personal: bool = False
    additive_over: Literal["all"] | tuple[str, ...] | None = None


class Column(BaseModel):
    """One column: its name, its type, and what it means with its unit."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    data_type: str
    numeric_precision: int | None = None
    numeric_scale: int | None = None
    attributes: ColumnAttributes = ColumnAttributes()
    checks: list[dict[str, Any]] = Field(default_factory=list)
    description: Annotated[str, Field(min_length=5)]

    @property
    def sql_type(self) -> str:
        """The type as SQL writes it, in DuckDB's dialect: `decimal(18, 4)`."""
        if self.numeric_precision is None:
            return self.data_type
        return f"{self.data_type}({self.numeric_precision}, {self.numeric_scale or 0})"

    @property
    def meaning(self) -> str:
        """Its description, and over what its values can be summed where the contract says so."""
        match self.attributes.additive_over:
            case None:
                return self.description
            case "all":
                return f"{self.description} Can be summed."
            case ():
                return f"{self.description} Cannot be summed."
            case over:
                return f"{self.description} Can be summed over {', '.join(f'`{name}`' for name in over)} only."


class Contract(BaseModel):
    """What a table promises: its description, its columns in order, and at least one check."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    description: Annotated[str, Field(min_length=10)]
    columns: Annotated[list[Column], Field(min_length=1)]
    checks: Annotated[list[dict[str, Any]], Field(min_length=1)]

    _content: dict[str, Any] = PrivateAttr(default_factory=dict)
    _sql_files: dict[str, Path] = PrivateAttr(default_factory=dict)

    @property
    def content(self) -> dict[str, Any]:
        """All of it as Soda reads it."""
        return self._content

    @property
    def sql_files(self) -> dict[str, Path]:
        """The files that hold the SELECT of a check, by the name of the check."""
        return self._sql_files

    @cached_property
    def listed_checks(self) -> list[Check]:
        """Every check, those of columns first."""
        on_columns = [_check(column.name, check) for column in self.columns for check in column.checks]
        return on_columns + [_check("", check) for check in self.checks]

    @cached_property
    def checks_with_query(self) -> list[Check]:
        """The checks that have a SELECT of their own."""
        return [check for check in self.listed_checks if check.body.get("query")]

    @cached_property
    def for_audit(self) -> str:
        """The contract as the audit hands it to Soda, in JSON: without what only people read, the path of a check as its query.

        Soda tells metrics apart by their queries; what they find is handed to it. Raises SpecError for what Soda does not know.
        """
        if faults := list(contract_faults(self.content)):
            raise SpecError([f"the contract of {self.dataset}: {fault}" for fault in faults])
        checks: dict[str, list[dict[str, Any]]] = {}
        for check in self.listed_checks:
            body = check.body | ({"query": check.path} if check.body.get("query") else {})
            if check.qualifier:  # Soda takes several checks of one type for the same check unless each has one
                body |= {"qualifier": check.qualifier}
            checks.setdefault(check.column, []).append({check.type: body or None})
        told = {key: value for key, value in self.content.items() if key != "description"}
        columns = [{key: value for key, value in column.items() if key != "description"} for column in self.content["columns"]]
        for node in (told, *columns):
            if on_node := checks.get(node.get("name", "")):
                node["checks"] = on_node
        return json.dumps(told | {"columns": columns}, default=str)

    @property
    def dimensions(self) -> Counter[Dimension]:
        """How many checks of each dimension it has."""
        return Counter(check.dimension for check in self.listed_checks)

    def check_faults(self) -> Iterator[str]:
        """What Headline itself cannot make sense of in the checks."""
        known = get_args(Dimension)
        if without := [check.path for check in self.listed_checks if check.dimension not in known]:
            yield f"{', '.join(without)}: say the dimension, attributes: {{dimension: …}}; there are {', '.join(known)}"
        if others := [f"{check.path}.{key}" for check in self.listed_checks for key in _OTHER_QUERIES if key in check.body]:
            yield f"{', '.join(others)}: write the rows that are wrong as `query` or `expression`"
        if bare := [check.path for check in self.listed_checks if check.dimension == "anomaly" and "query" not in check.body]:
            yield f"{', '.join(bare)}: an anomaly check is a query of findings; see checks/anomaly.jinja"

    def ddl(self, *, quarantine: bool = False) -> str:
        """The columns as `create table` wants them; a quarantine has the rule that refused the row besides."""
        columns = [f"{column.name} {column.sql_type}" for column in self.columns]
        return ", ".join(columns + (["quarantine_reason varchar"] if quarantine else []))

    @cached_property
    def column_names(self) -> list[str]:
        return [column.name for column in self.columns]

    @property
    def tells_coverage(self) -> bool:
        """Whether its rows say how much of their period is there."""
        return {"coverage", "is_partial"} <= set(self.column_names)

    @property
    def not_additive(self) -> list[str]:
        """The columns whose values cannot be summed over all rows."""
        return [column.name for column in self.columns if column.attributes.additive_over not in (None, "all")]

    @property
    def personal_columns(self) -> set[str]:
        return {column.name for column in self.columns if column.attributes.personal}


def _check(column: str, check: dict[str, Any]) -> Check:
    if len(check) != 1:
        raise ValueError(f"{column or 'the table'}: a check is one key with what belongs to it below, found {list(check)}")
    [(type_, body)] = check.items()
    body = body or {}
    attributes = body.get("attributes") or {}
    dimension: Any = attributes.get("dimension", attributes.get("kind", _DIMENSIONS.get(type_)))  # `kind` until 1.0
    return Check(column, type_, body, dimension)
