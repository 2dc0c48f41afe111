"""The edit of a contract that would agree to what its source sends by now."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from difflib import SequenceMatcher, unified_diff
from io import StringIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap
from ruamel.yaml.error import YAMLError

from headline import settings
from headline.drift.agreement import agreed_columns, origins
from headline.errors import BadRequest
from headline.ledger import ColumnChange, SchemaChanges
from headline.sources.columns import base
from headline.specs import Catalog, DatabaseIngest, Source, Table, read_contract
from headline.specs.written import load_conventions

# Of a kind that leaves the type open, the one that contracts use; other kinds are called as SQL calls them.
_TYPES = {"text": "varchar", "integer": "bigint", "decimal": "decimal(18, 4)"}
TO_BE_WRITTEN = "To be written. What it means, and in which unit."


@dataclass(frozen=True)
class Proposal:
    """What has changed at the source, the edit of the contract as a unified diff, and what else is touched by it."""

    changes: list[ColumnChange]
    diff: str
    notes: list[str]


def propose(catalog: Catalog, table_name: str) -> Proposal:
    """Compare the newest arrival, held or loaded, with the contract of a table; raises BadRequest where no source fills it."""
    table = catalog.table(table_name)
    source = catalog.makers[table_name]
    if not isinstance(source, Source):
        raise BadRequest(f"{table_name} is made of other tables and changes with its SQL alone; name a raw table")
    contract = _Contract(table)
    changes: list[ColumnChange] = []
    notes: list[str] = []
    for name in (read.removeprefix("landing.") for read in table.reads if read.startswith("landing.")):
        computed_from = origins(source, table, name)
        files = [table.sql_file, *_extract(source, name)]
        for change in _open_changes(source, name):
            alone = [column for column, those in computed_from.items() if those == {change.column}]
            changes.append(change)
            notes.append(contract.agree(change, alone, " and ".join(file.name for file in files)))
            if change.is_blocking:
                others = [*files, source.folder / "source.yml", *_downstream(catalog, table), *_checks(table)]
                texts = {file: file.read_text() for file in others}
                notes += _mentions({change.column, *alone}, {**texts, table.contract_file: contract.edited()})
    if changes and not contract.is_brief:
        notes.append(f"{table.contract_file.name} is written as Soda reads it: edit it by hand")
    elif changes and not contract.diff():
        notes.append("the contract can stay as it is")
    return Proposal(changes, contract.diff(), notes)


def _open_changes(source: Source, name: str) -> Iterator[ColumnChange]:
    """What holds the landing now, then the columns that came some time, still come, and are not read."""
    landing, store = f"landing.{name}", SchemaChanges()
    if not (rows := store.of(landing)):
        return
    newest, last = rows[-1], store.load_before(landing, date.max)
    arriving = set(newest.columns)
    if not newest.is_blocking and last:
        arriving = {column for column in newest.columns if "." in column} | last.columns.keys()
    held = [change for change in newest.changes if change.is_blocking]
    news = {change.column: change for row in rows for change in row.changes if change.change == "added"}
    taken = {change.renamed_to for change in held}
    is_database = isinstance(source.ingest[name], DatabaseIngest)
    agreed = agreed_columns(source, name)
    for change in [*held, *(change for change in news.values() if change.column in arriving - taken)]:
        # A database's change of `orders.coupon` will arrive as `coupon`.
        plain = replace(change, column=_last(change.column), renamed_to=_last(change.renamed_to)) if is_database else change
        if change.is_blocking or plain.column not in agreed:
            yield plain


class _Contract:
    """A contract file that is edited as it was written: comments, order and quotes stay."""

    def __init__(self, table: Table) -> None:
        self._yaml = YAML()
        self._yaml.preserve_quotes = True
        self._yaml.width = 10_000
        self._yaml.indent(mapping=2, sequence=4, offset=2)
        self._table = table
        self._text = table.contract_file.read_text()
        self._content = self._yaml.load(self._text)
        self._written = self._dumped()

    @property
    def is_brief(self) -> bool:
        """Whether it is written as contracts of Headline are; Soda's own format is left to its author."""
        return "dataset" not in self._content

    def agree(self, change: ColumnChange, alone: list[str], files: str) -> str:
        """Edit what the change asks for and say what it asks for in other files; `alone`: the columns made of it and no other."""
        columns: Any = self._content["columns"] if self.is_brief else {}
        mine = [column for column in columns if column in alone]
        match change.change:
            case "added":
                name = _as_name(change.column)
                if self.is_brief and name not in columns:
                    columns[name] = _written(name, _sql(change.after), TO_BE_WRITTEN)
                return f"{change.column}: read it in {files}, as {name}"
            case "removed":
                for column in mine:
                    del columns[column]
                return f"{change.column}: do without it in {files}"
            case "renamed":
                name = _as_name(str(change.renamed_to))
                for column in mine if change.column in alone else ():
                    place, type_ = list(columns).index(column), self._type_of(column)
                    columns.insert(place, name, _written(name, type_, columns.pop(column)) if type_ else columns.pop(column))
                    _rename(self._content.get("checks"), change.column, name)
                both = f"coalesce({change.renamed_to}, {change.column}) as {change.column}"
                return f"{change.column}: read {change.renamed_to} in {files}; {both} would keep the contract and older days"
            case "retyped":
                for column in mine:
                    columns[column] = _written(column, _sql(change.after), columns[column])
                types = f"types: {{{change.column}: {base(str(change.after))}}}"
                return (
                    f"{change.column}: cast it to the new type first in {files}; `{types}` in source.yml would keep the contract"
                )

    def _type_of(self, column: str) -> str | None:
        """What the contract says today; None where it cannot be read."""
        contract, _ = read_contract(self._table)
        return next((one.sql_type for one in contract.columns if one.name == column), None) if contract else None

    def edited(self) -> str:
        """The file after the edit; lines that it does not touch stay as they were written, in whichever style."""
        whole = self._dumped()
        original, before, after = (text.splitlines(keepends=True) for text in (self._text, self._written, whole))
        if len(before) != len(original):
            return whole
        blocks = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
        merged = "".join("".join(original[i:j] if kind == "equal" else after[k:m]) for kind, i, j, k, m in blocks)
        try:
            return merged if self._yaml.load(merged) == self._content else whole
        except YAMLError:  # two styles that do not go together
            return whole

    def diff(self) -> str:
        path = _path(self._table.contract_file)
        old, new = (text.splitlines(keepends=True) for text in (self._text, self.edited()))
        return "".join(unified_diff(old, new, f"a/{path}", f"b/{path}"))

    def _dumped(self) -> str:
        text = StringIO()
        self._yaml.dump(self._content, text)
        return text.getvalue()


def _rename(node: Any, old: str, new: str) -> None:
    """In whatever the checks say of columns; their names stay."""
    for key, value in list(node.items()) if isinstance(node, dict) else enumerate(node if isinstance(node, list) else ()):
        if isinstance(value, str):
            node[key] = type(value)(re.sub(rf"\b{re.escape(old)}\b", new, value))
        else:
            _rename(value, old, new)


def _written(name: str, type_: str, column: Any) -> Any:
    """A column of another type, which is said where its name does not say it."""
    conventions = load_conventions()
    kind = conventions.kind_of(name)
    follows = kind is not None and conventions.types[kind].type == type_
    if not isinstance(column, CommentedMap):
        if follows:
            return column
        description = column
        column = CommentedMap() if description is None else CommentedMap(description=description)
        column.fa.set_flow_style()
    if follows:
        column.pop("type", None)
    elif "type" in column:
        column["type"] = type_
    else:
        column.insert(0, "type", type_)
    return column


def _sql(kind: str | None) -> str:
    return _TYPES.get(str(kind), str(kind))


def _as_name(column: str) -> str:
    """The column as our names are written: `CustomerID` is `customer_id`."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", column)
    return "_".join(words).lower() if not re.fullmatch(r"[a-z][a-z0-9_]*", column) else column


def _last(name: str | None) -> str:
    return (name or "").rpartition(".")[2]


def _extract(source: Source, name: str) -> list[Path]:
    ingest = source.ingest[name]
    return [source.folder / ingest.extract] if isinstance(ingest, DatabaseIngest) else []


def _downstream(catalog: Catalog, table: Table) -> Iterator[Path]:
    for other in catalog.tables.values():
        if table.full_name in other.reads:
            yield from (other.sql_file, other.contract_file, *_checks(other))


def _checks(table: Table) -> Iterator[Path]:
    contract, _ = read_contract(table)
    yield from contract.sql_files.values() if contract else ()


def _mentions(columns: set[str], texts: Mapping[Path, str]) -> list[str]:
    """Where the columns are named, in one line."""
    word = re.compile("|".join(rf"\b{re.escape(column)}\b" for column in sorted(columns)))
    found = []
    for file, text in texts.items():
        if numbers := [str(number) for number, line in enumerate(text.splitlines(), start=1) if word.search(line)]:
            found.append(f"{_path(file)} (line {', '.join(numbers)})")
    return [f"{', '.join(sorted(columns))}: mentioned in {', '.join(found)}"] if found else []


def _path(file: Path) -> str:
    return file.relative_to(settings.PROJECT).as_posix() if file.is_relative_to(settings.PROJECT) else "/".join(file.parts[-3:])
