"""Tables that are retired: include/graveyard.yml, read and validated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Annotated

from pydantic import Field, TypeAdapter, ValidationError

from headline import settings
from headline.errors import SpecError
from headline.specs.catalog import Catalog
from headline.specs.files import parse_yaml, read_text
from headline.specs.values import Model, TableName


class Grave(Model):
    """A table that nobody makes any more: since when, why, and which table to read instead, if any."""

    retired_on: date
    reason: Annotated[str, Field(min_length=10)]
    replaced_by: TableName | None = None


_GRAVEYARD = TypeAdapter(dict[TableName, Grave])


def read_graveyard() -> dict[str, Grave]:
    """The retired tables by name; none where there is no such file. Raises SpecError with all faults of the file at once."""
    file = settings.load().include / "graveyard.yml"
    return _read(file) if file.is_file() else {}


def graveyard_faults(graves: Mapping[str, Grave], catalog: Catalog) -> Iterator[str]:
    """Tables that are listed although a folder makes them or a pipeline reads them, and successors that are not there."""
    for name, grave in graves.items():
        if maker := catalog.makers.get(name):
            yield f"{name}: the folder {maker.area}/{maker.id} still makes it; remove it there first"
        if readers := readers_of(name, catalog):
            yield f"{name}: {', '.join(readers)} still read it; let them read {grave.replaced_by or 'something else'} first"
        if grave.replaced_by and grave.replaced_by not in catalog.tables:
            yield f"{name}: replaced_by: nobody makes {grave.replaced_by}"


def readers_of(name: str, catalog: Catalog) -> list[str]:
    """The tables that are made from a table or its quarantine, whoever makes that."""
    names = {name} | ({f"quarantine.{name.split('.')[-1]}"} - catalog.makers.keys())
    return sorted(table.full_name for table in catalog.tables.values() if names & table.reads.keys())


def _read(file: Path) -> dict[str, Grave]:
    try:
        return _GRAVEYARD.validate_python(parse_yaml(read_text(file), file) or {})
    except ValidationError as error:
        told = (([str(part) for part in fault["loc"] if part != "[key]"], fault["msg"]) for fault in error.errors())
        raise SpecError([f"{file.name}: {'.'.join(where) or 'the file'}: {text}" for where, text in told]) from None
