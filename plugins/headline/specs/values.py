"""The kinds of values in pipeline.yml, source.yml and team.yml, each with what it must be like."""

from __future__ import annotations

import codecs
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"no time zone is called {name!r}; such as Europe/Berlin") from None
    return name


def _known_encoding(name: str) -> str:
    try:
        found = codecs.lookup(name)
        "".encode(name)  # fails for what is no encoding of text, such as base64
    except LookupError:
        raise ValueError(f"no encoding is called {name!r}; such as utf-8 or cp1252") from None
    return found.name


def _one_sign(sign: str) -> str:
    if len(sign) != 1 or sign in "\r\n\0":
        raise ValueError(f"{sign!r} is not one sign within a line")
    return sign


def _tells_a_day(form: str) -> str:
    day = datetime(2026, 11, 23)  # noqa: DTZ001 (of any zone)
    try:
        found = datetime.strptime(day.strftime(form), form)  # noqa: DTZ007
    except ValueError as error:
        raise ValueError(f"{form!r} is no format of strptime: {error}") from None
    if found.date() != day.date():
        raise ValueError(f'{form!r} does not tell year, month and day; such as "%d/%m/%Y"')
    return form


def leads_out(path: str) -> bool:
    """Whether a path below a root is written so that it may lie elsewhere: absolute, an address, or up again."""
    return path.startswith(("/", "~")) or "\\" in path or "\0" in path or "://" in path or ".." in path.split("/")


def is_within(path: Path, folder: Path) -> bool:
    """Whether a path is below a folder when every link on the way is followed."""
    return path.resolve().is_relative_to(folder.resolve())


def _stays_below(path: str) -> str:
    if leads_out(path):
        raise ValueError(f"{path!r} leads out of the folder that the connection names; write a path below it")
    return path


def _quoted(value: object) -> object:
    """YAML reads 12:30 without quotes as the number 750, which would pass as 12 minutes and 30 seconds."""
    if isinstance(value, int | float):
        raise ValueError('write the time in quotes: "12:30"')
    return value


Zone = Annotated[str, AfterValidator(_known_zone)]
Encoding = Annotated[str, AfterValidator(_known_encoding)]
DayFormat = Annotated[str, AfterValidator(_tells_a_day)]
Sign = Annotated[str, AfterValidator(_one_sign)]
PathBelow = Annotated[str, AfterValidator(_stays_below)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
TableName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")]
# YAML reads a key without a value as null: `raw.orders:` means «with the defaults».
Empty = BeforeValidator(lambda value: {} if value is None else value)
# DOMAIN: checks of five dimensions stand at every gate.
Dimension = Literal["schema", "reconciliation", "anomaly", "duplicates", "completeness"]
ColumnType = Literal["text", "integer", "decimal", "double", "boolean", "date", "timestamp", "timestamp with time zone"]
Clock = Annotated[time, BeforeValidator(_quoted)]
Share = Annotated[Decimal, Field(ge=0, le=1)]
Delay = Annotated[timedelta, BeforeValidator(_quoted)]
