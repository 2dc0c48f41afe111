"""Contracts as people write them, and what these leave to include/sql/conventions.yml and include/sql/templates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from headline import settings
from headline.errors import SpecError
from headline.specs.files import file_state, parse_yaml, read_text
from headline.specs.lenient import understood
from headline.specs.values import Dimension, Empty, Model

Severity = Literal["blocking", "warning"]
Bound = int | float


def _described(value: object) -> object:
    """A column of which only the meaning is said needs no keys."""
    return {"description": value} if isinstance(value, str) else {} if value is None else value


class WrittenColumn(Model):
    """What is written of a column. What is not follows from its name; not-null is the default, but for what arrives (raw).

    `severity`: of its checks. `personal`, `additive_over`: as in ColumnAttributes. Null lifts a bound that the name brings.
    """

    description: str | None = None
    type: str | None = None
    nullable: bool | None = None
    min: Bound | None = None
    max: Bound | None = None
    values: list[Any] | None = None
    unique: bool = False
    severity: Severity = "blocking"
    personal: bool = False
    additive_over: Literal["all"] | tuple[str, ...] | None = None


class WrittenCheck(Model):
    """What is written of a check, under its name, which says what must be true. One of three tells the rows that are wrong.

    `sql`: a file with a SELECT of them, `<table>.<sql>.sql` beside the contract or `<sql>.sql` in include/sql/checks.
    `expression`: a condition on the table's own rows. Or the name of a macro of include/sql/checks/<dimension>.jinja, with its
    arguments. `description`: what a failure means, for the runbook.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    dimension: Dimension | None = None
    severity: Severity = "blocking"
    description: Annotated[str, Field(min_length=10)] | None = None
    sql: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")] | None = None
    expression: str | None = None

    @property
    def macros(self) -> dict[str, Any]:
        return self.model_extra or {}

    @property
    def ways(self) -> list[str]:
        """In which ways it tells the rows that are wrong; it should be one."""
        return [*(key for key in ("sql", "expression") if getattr(self, key) is not None), *self.macros]


Columns = Annotated[dict[str, Annotated[WrittenColumn, BeforeValidator(_described)]], Empty]
Checks = Annotated[dict[str, Annotated[WrittenCheck, Empty]], Empty]


class Vocabulary(Model):
    """What columns and checks mean wherever a contract only names them. `{period}` stands for day, week or month."""

    columns: Columns = Field(default_factory=dict)
    checks: Checks = Field(default_factory=dict)


class NameRule(Model):
    """The type of columns whose whole name matches `names`, a regular expression, and the bounds of their values."""

    names: str
    type: str
    min: Bound | None = None
    max: Bound | None = None

    @model_validator(mode="after")
    def _can_be_matched(self) -> Self:
        try:
            re.compile(self.names)
        except re.error as error:
            raise ValueError(f"names: {self.names!r} is no regular expression: {error}") from None
        return self


class Conventions(Vocabulary):
    """The vocabulary of all contracts; `types`: kinds of column by name, the first that matches counts."""

    types: dict[str, NameRule] = Field(default_factory=dict)

    def kind_of(self, column: str) -> str | None:
        """Of which kind a column is by its name."""
        return next((kind for kind, rule in self.types.items() if re.fullmatch(rule.names, column)), None)


class WrittenContract(Vocabulary):
    """A contract file. `like`: a file of include/sql/templates, whose words it uses.

    `additive_over`: of its numbers, where a column says nothing else. `duplicates`: whether a key that comes twice blocks; where
    it is said, a key that may hold NULLs is checked too, though Soda passes over such rows.
    """

    description: Annotated[str, Field(min_length=10)]
    like: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")] | None = None
    additive_over: Literal["all"] | tuple[str, ...] | None = None
    duplicates: Severity | None = None
    columns: Annotated[Columns, Field(min_length=1)]


def conventions_file() -> Path:
    """The conventions of this deployment, or else those that come with the code."""
    file = settings.load().sql / "conventions.yml"
    return file if file.is_file() else settings.PROJECT / "include" / "sql" / file.name


def template_file(name: str) -> Path:
    """Where a file that contracts are `like` stands."""
    return settings.load().sql / "templates" / f"{name}.yml"


def load_conventions() -> Conventions:
    """The conventions; raises SpecError where the file is not as it should be."""
    return _loaded(Conventions, conventions_file())


def load_template(name: str) -> Vocabulary:
    """A template; raises SpecError where there is none of this name, or it is not as it should be."""
    return _loaded(Vocabulary, template_file(name))


AnyVocabulary = TypeVar("AnyVocabulary", bound=Vocabulary)
_READ: dict[Path, tuple[object, Any]] = {}


def _loaded(model: type[AnyVocabulary], file: Path) -> AnyVocabulary:
    state = file_state(file)
    known = _READ.get(file)
    if known is None or known[0] != state:
        found, errors = understood(model, parse_yaml(read_text(file), file), {})
        if errors or found is None:
            raise SpecError([f"{file.name}: {'.'.join(map(str, error['loc']))}: {error['msg']}" for error in errors])
        known = _READ[file] = (state, found)
    return known[1]


def for_period(words: Mapping[str, Any], period: str) -> dict[str, Any]:
    """A part of a vocabulary as a table of days, weeks or months uses it."""
    return {str(_filled(name, period)): _filled(word.model_dump(exclude_unset=True), period) for name, word in words.items()}


def _filled(value: Any, period: str) -> Any:
    match value:
        case str():
            return value.replace("{period}", period)
        case dict():
            return {_filled(key, period): _filled(one, period) for key, one in value.items()}
        case list() | tuple():
            return type(value)(_filled(one, period) for one in value)
    return value
