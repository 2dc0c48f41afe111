"""A table's contract: the columns that Headline itself needs to know; the checks are Soda's to read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headline.errors import SpecError
from headline.specs.catalog import parse_yaml, read_text
from headline.specs.models import Table


@dataclass(frozen=True)
class Check:
    """One check as a reader sees it: its name, and whether it only warns."""

    name: str
    warns: bool


class Column(BaseModel):
    """One column: its name, its type, and what it means with its unit."""

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
    data_type: str
    numeric_precision: int | None = None
    numeric_scale: int | None = None
    checks: list[dict[str, Any]] = Field(default_factory=list)
    description: Annotated[str, Field(min_length=5)]

    @property
    def sql_type(self) -> str:
        """The type as SQL writes it, in DuckDB's dialect: `decimal(18, 4)`."""
        if self.numeric_precision is None:
            return self.data_type
        return f"{self.data_type}({self.numeric_precision}, {self.numeric_scale or 0})"


class Contract(BaseModel):
    """What a table promises: its description, its columns in order, and at least one check."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    description: Annotated[str, Field(min_length=10)]
    columns: Annotated[list[Column], Field(min_length=1)]
    checks: Annotated[list[dict[str, Any]], Field(min_length=1)]

    @property
    def listed_checks(self) -> list[tuple[str, Check]]:
        """(column or "", check) of every check, those of columns first."""
        listed = [(column.name, check) for column in self.columns for check in column.checks]
        return [(on, _check(check)) for on, check in listed + [("", check) for check in self.checks]]

    def ddl(self, *, quarantine: bool = False) -> str:
        """The columns as `create table` wants them; a quarantine has the rule that refused the row besides."""
        columns = [f"{column.name} {column.sql_type}" for column in self.columns]
        return ", ".join(columns + (["quarantine_reason varchar"] if quarantine else []))

    @property
    def column_names(self) -> list[str]:
        return [column.name for column in self.columns]


def _check(check: dict[str, Any]) -> Check:
    [(kind, body)] = check.items()
    body = body or {}
    return Check(name=body.get("name") or kind.replace("_", " "), warns=(body.get("threshold") or {}).get("level") == "warn")


def load_contract(table: Table) -> Contract:
    """The contract of a table; raises SpecError with all faults at once, each with file and key."""
    return _parse(read_text(table.contract_file), table.contract_file, table.full_name)


@cache  # one step asks for the contracts of all that it reads, several times
def _parse(text: str, file: Path, table_name: str) -> Contract:
    where = f"{file.parent.name}/{file.name}"
    try:
        contract = Contract.model_validate(parse_yaml(text, file))
    except ValidationError as error:
        raise SpecError([f"{where}: {'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]) from None
    expected = f"warehouse/{table_name.replace('.', '/')}"
    if contract.dataset != expected:
        raise SpecError([f"{where}: dataset: is {contract.dataset}, but this file is the contract of {expected}"])
    return contract
