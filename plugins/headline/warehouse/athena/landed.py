"""Landed Parquet files as tables of Athena: one for those that have the same columns, by a list of files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from sqlglot import exp

from headline.errors import BadRequest
from headline.sql import DIALECT
from headline.warehouse.athena.glue import Glue
from headline.warehouse.iceberg.names import STAGING

# Types of Arrow, as the ledger keeps them, in Glue's words. What is not among them no SQL here reads.
_TYPES = (
    (r"(large_)?string(_view)?|dictionary<values=(large_)?string.*", "string"),
    (r"u?int(8|16)|int32", "int"),
    (r"int64|uint32", "bigint"),
    (r"double|halffloat", "double"),
    (r"float", "float"),
    (r"bool", "boolean"),
    (r"date(32|64)\[\w+\]", "date"),
    (r"timestamp\[.*", "timestamp"),
    (r"decimal\d*\((\d+), (\d+)\)", r"decimal(\1,\2)"),
)


class Listed(NamedTuple):
    """Files that have the same columns, and these with their types as Glue writes them."""

    files: list[str]
    columns: dict[str, str]


def landed_rows(glue: Glue, location: str, files: Mapping[str, Mapping[str, str]]) -> exp.Expr:
    """The rows of landed files as a table or a subquery; a column that some of the files lack is NULL in their rows.

    `files`: the address of each, with its columns and their types of Arrow. A column that has several types becomes a text.
    `location`: where lists of files are kept. Raises BadRequest for files that are not on S3.
    """
    if elsewhere := [file for file in files if not file.startswith("s3://")]:
        raise BadRequest(f"Athena reads landed files from S3 only, and {elsewhere[0]} is not there: set HEADLINE_LANDING")
    tables = {_table(glue, location, listed): listed.columns for listed in _alike(files)}
    kinds: dict[str, set[str]] = {}
    for columns in tables.values():
        for name, kind in columns.items():
            kinds.setdefault(name, set()).add(kind)
    if len(tables) == 1:
        return exp.to_table(next(iter(tables)))
    wanted = {name: exp.DataType.build(one.pop() if len(one) == 1 else "string", dialect="hive") for name, one in kinds.items()}
    selects = [_select(table, columns, wanted) for table, columns in tables.items()]
    return exp.union(*selects, distinct=False).subquery()


def _alike(files: Mapping[str, Mapping[str, str]]) -> Iterator[Listed]:
    """The files, those together that have the same columns."""
    found: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for file, columns in files.items():
        readable = {name.lower(): kind for name, arrow in columns.items() if (kind := _glue_type(arrow))}
        found.setdefault(tuple(sorted(readable.items())), []).append(file)
    return (Listed(listed, dict(columns)) for columns, listed in found.items())


def _glue_type(arrow: str) -> str:
    for pattern, kind in _TYPES:
        if found := re.fullmatch(pattern, arrow):
            return found.expand(kind)
    return ""


def _table(glue: Glue, location: str, listed: Listed) -> str:
    """The table of these files, made where it is not there: its name says which files and columns."""
    digest = hashlib.sha256(repr((sorted(listed.files), listed.columns)).encode()).hexdigest()[:16]
    name = f"{STAGING}.landed_{digest}"
    if glue.table(name) is None:
        glue.list_files(name, f"{location}/landed/{digest}", listed.files, listed.columns)
    return name


def _select(table: str, columns: Mapping[str, str], wanted: Mapping[str, exp.DataType]) -> exp.Select:
    listed = [
        exp.alias_(exp.cast(exp.column(name, quoted=True) if name in columns else exp.null(), kind.copy()), name, quoted=True)
        for name, kind in wanted.items()
    ]
    return exp.select(*listed).from_(exp.to_table(table, dialect=DIALECT))
