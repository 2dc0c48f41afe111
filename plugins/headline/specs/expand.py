"""From a contract as it is written to the contract as Soda reads it: every default filled in, every check with its SQL."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, get_args

from headline import settings
from headline.errors import SpecError
from headline.specs.files import file_state, read_text
from headline.specs.models import Table
from headline.specs.values import Dimension
from headline.specs.written import (
    Conventions,
    NameRule,
    Vocabulary,
    WrittenCheck,
    WrittenColumn,
    WrittenContract,
    conventions_file,
    for_period,
    load_conventions,
    load_template,
    template_file,
)

DIMENSIONS: tuple[Dimension, ...] = get_args(Dimension)
_DECIMAL = re.compile(r"decimal\((\d+), *(\d+)\)")
_MACRO = re.compile(r"{%-?\s*macro\s+([a-z]\w*)\s*\(")
_NUMBERS = ("integer", "bigint", "decimal")
_WARNS = {"threshold": {"level": "warn", "must_be": 0}}


@dataclass
class Expansion:
    """A contract filled in for its table: `content` is Soda's. `sql_files`: those of its checks, by the name of the check.

    `faults`: what it lacks, and where. `states`: of each file besides the contract that was read, or would be if it were there.
    """

    table: Table
    written: WrittenContract
    faults: list[str] = field(default_factory=list)
    sql_files: dict[str, Path] = field(default_factory=dict)
    states: dict[Path, object] = field(default_factory=dict)

    @cached_property
    def content(self) -> dict[str, Any]:
        self._read(conventions_file())
        columns = [self._column(name, column) for name, column in self.written.columns.items()]
        checks = [check for name, own in self.written.checks.items() if (check := self._check(name, own))]
        return {
            "dataset": dataset_of(self.table.full_name),
            "description": self.written.description,
            "columns": columns,
            "checks": [{"schema": None}, *self._key_check(columns), *checks],
        }

    @property
    def _arrives(self) -> bool:
        """Whether it holds what arrived: core judges it, so that everything is nullable and without bounds by default."""
        return self.table.full_name.startswith("raw.")

    @cached_property
    def _conventions(self) -> Conventions:
        return load_conventions()

    @cached_property
    def _words(self) -> list[Vocabulary]:
        """The vocabularies that the contract draws on, the nearest last."""
        found: list[Vocabulary] = [self._conventions]
        if name := self.written.like:
            self._read(template_file(name))
            try:
                found.append(load_template(name))
            except SpecError as error:
                self.faults += [f"like: {fault}" for fault in error.faults]
        return found

    @cached_property
    def _known_columns(self) -> dict[str, dict[str, Any]]:
        return self._known("columns")

    @cached_property
    def _known_checks(self) -> dict[str, dict[str, Any]]:
        return self._known("checks")

    def _known(self, part: str) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = {}
        for words in self._words:
            for name, word in for_period(getattr(words, part), self.table.period).items():
                found[name] = found.get(name, {}) | word
        return found

    def _rule(self, name: str) -> NameRule | None:
        kind = self._conventions.kind_of(name)
        return self._conventions.types[kind] if kind else None

    def _column(self, name: str, own: WrittenColumn) -> dict[str, Any]:
        rule = self._rule(name)
        of_name = rule.model_dump(exclude={"names"}, exclude_unset=True) if rule else {}
        told = of_name | self._known_columns.get(name, {})
        if self._arrives:
            told = {key: value for key, value in told.items() if key not in ("min", "max", "values")}
        column = WrittenColumn(**{"nullable": self._arrives, **told, **own.model_dump(exclude_unset=True)})
        if column.type is None:
            self.faults.append(f"columns.{name}: its name tells no type that conventions.yml knows; state `type`")
        if column.description is None:
            self.faults.append(f"columns.{name}: say what it means; conventions.yml does not")
        type_ = _type(column.type or "varchar")
        found = {"name": name, **type_, "description": column.description or "Not described yet."}
        if attributes := self._attributes(name, column, type_["data_type"]):
            found["attributes"] = attributes
        if checks := list(_column_checks(column)):
            found["checks"] = checks
        return found

    def _attributes(self, name: str, column: WrittenColumn, data_type: str) -> dict[str, Any]:
        over = column.additive_over
        is_number = data_type in _NUMBERS and name not in {*self.table.key, self.table.period_column}
        if over is None and is_number and self._conventions.kind_of(name) != "ratio":
            over = self.written.additive_over
        personal = {"personal": True} if column.personal else {}
        return personal | ({} if over is None else {"additive_over": over if over == "all" else list(over)})

    def _key_check(self, columns: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """That the key is unique, where no column says so already, and it never holds a NULL, which is beyond Soda's check."""
        key, severity = self.table.key, self.written.duplicates
        checks = {column["name"]: [type_ for check in column.get("checks", ()) for type_ in check] for column in columns}
        if not key or "duplicates" in self.table.exempt or (len(key) == 1 and "duplicate" in checks.get(key[0], ())):
            return
        if severity or all("missing" in checks.get(name, ()) for name in key):
            yield {"duplicate": {"columns": list(key)} | (_WARNS if severity == "warning" else {})}

    def _check(self, name: str, own: WrittenCheck) -> dict[str, Any] | None:
        told = self._known_checks.get(name, {})
        mine = own.model_dump(exclude_unset=True)
        check = WrittenCheck(**(told | mine if not own.ways else {"dimension": told.get("dimension")} | mine))
        if len(check.ways) != 1:
            ways = "sql, expression, or the name of a macro of include/sql/checks"
            self.faults.append(f"checks.{name}: has {', '.join(check.ways) or 'nothing'}; give one of {ways}")
            return None
        dimension = check.dimension
        if check.macros:
            dimension, query = self._call(name, check)
            rows = {"query": query}
        else:
            rows = {"query": self._select(name, check.sql)} if check.sql else {"expression": str(check.expression)}
        if dimension is None:
            self.faults.append(f"checks.{name}: say the dimension; there are {', '.join(DIMENSIONS)}")
            return None
        attributes = {"dimension": dimension} | ({"description": check.description} if check.description else {})
        return {
            "failed_rows": {"name": name, "attributes": attributes, **rows, **(_WARNS if check.severity == "warning" else {})}
        }

    def _call(self, name: str, check: WrittenCheck) -> tuple[Dimension | None, str]:
        """The dimension that a macro stands for, and the template that calls it."""
        [(macro, arguments)] = check.macros.items()
        dimension = next((one for one, names in _macros().items() if macro in names), None)
        if dimension is None:
            known = ", ".join(sorted(one for names in _macros().values() for one in names))
            self.faults.append(f"checks.{name}: no macro is called {macro}; include/sql/checks has {known}")
        if not isinstance(arguments, Mapping | None):
            self.faults.append(f"checks.{name}.{macro}: give its arguments by name: {{argument: value}}")
            arguments = {}
        given = ", ".join(f"{argument}={_literal(value)}" for argument, value in (arguments or {}).items())
        imported = f"{{% from 'checks/{dimension}.jinja' import {macro} with context %}}"
        return check.dimension or dimension, f"{imported}\n{{{{ {macro}({given}) }}}}\n"

    def _select(self, name: str, sql: str) -> str:
        """The text of the check's own file, beside the contract or shared by many."""
        own = self.table.contract_file.parent / f"{self.table.name}.{sql}.sql"
        shared = settings.load().sql / "checks" / f"{sql}.sql"
        file = own if self._read(own) is not None or self._read(shared) is None else shared
        self.sql_files[name] = file
        try:
            return read_text(file)
        except SpecError:
            self.faults.append(f"checks.{name}.sql: the folder has no {own.name}, and include/sql/checks no {shared.name}")
            return "select"

    def _read(self, file: Path) -> object:
        return self.states.setdefault(file, file_state(file))


def dataset_of(table_name: str) -> str:
    """What Soda calls a table."""
    return f"warehouse/{table_name.replace('.', '/')}"


def _type(text: str) -> dict[str, Any]:
    if digits := _DECIMAL.fullmatch(text):
        return {"data_type": "decimal", "numeric_precision": int(digits[1]), "numeric_scale": int(digits[2])}
    return {"data_type": text}


def _column_checks(column: WrittenColumn) -> Iterator[dict[str, Any]]:
    warns = _WARNS if column.severity == "warning" else {}
    if not column.nullable:
        yield {"missing": warns or None}
    told = (("valid_min", column.min), ("valid_max", column.max), ("valid_values", column.values))
    if valid := {key: value for key, value in told if value is not None}:
        yield {"invalid": valid | warns}
    if column.unique:
        yield {"duplicate": warns or None}


def _macros() -> dict[Dimension, frozenset[str]]:
    """The macros that stand for a check, by the dimension that their file is called after; those with _ before are their own."""
    folder = settings.load().sql / "checks"
    files = {dimension: folder / f"{dimension}.jinja" for dimension in DIMENSIONS}
    return {
        dimension: frozenset(_MACRO.findall(file.read_text())) if file.is_file() else frozenset()
        for dimension, file in files.items()
    }


def _literal(value: Any) -> str:
    """A value as Jinja writes it."""
    match value:
        case bool() | None:
            return str(value).lower()
        case int() | float():
            return repr(value)
        case list():
            return f"[{', '.join(map(_literal, value))}]"
        case dict():
            return f"{{{', '.join(f'{_literal(key)}: {_literal(one)}' for key, one in value.items())}}}"
    return json.dumps(str(value), ensure_ascii=False)
