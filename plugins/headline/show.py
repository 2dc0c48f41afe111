"""Rows on the screen or for another program."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from rich.table import Table

# A spreadsheet computes a cell that begins so, even one that came in as data: =HYPERLINK(…) sends others away.
_FORMULA = re.compile(r"[=+\-@\t\r\n\0＝＋－＠]")
_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)*(?:[eE][+-]?\d+)?")


# What Markdown reads as more than text; within a word an underscore is none.
_MARKUP = re.compile(r"[\\`*\[\]<>|#~&]|(?<!\w)_|_(?!\w)")


class Format(StrEnum):
    """How rows are written; the names are dbt's and Airflow's."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    MARKDOWN = "markdown"


@dataclass(frozen=True)
class Rows:
    """Rows to show, each with a value for every column; `notes`: lines about them, for stderr."""

    columns: Sequence[str]
    rows: Sequence[Sequence[Any]]
    title: str | None = None
    notes: Sequence[str] = ()

    def show(self, form: Format) -> None:
        """Print them."""
        show(self.columns, self.rows, form, self.title)
        for note in self.notes:
            print(note, file=sys.stderr)

    def to_csv(self) -> str:
        """The same as CSV, as `show` prints it."""
        return "".join(f"{csv_line(row)}\r\n" for row in (self.columns, *self.rows))

    def to_json(self) -> str:
        """The same for another process: decimals as exact text, with the places of their columns; other values as in `show`."""
        decimals = [
            place for place, values in enumerate(zip(*self.rows, strict=True)) if any(isinstance(one, Decimal) for one in values)
        ]
        return json.dumps(vars(self) | {"decimals": decimals}, default=str)

    @classmethod
    def of(cls, found: Mapping[str, Any]) -> Self:
        """What `to_json` wrote."""
        rows = [list(row) for row in found["rows"]]
        for row in rows:
            for place in found["decimals"]:
                row[place] = None if row[place] is None else Decimal(row[place])
        return cls(found["columns"], rows, found["title"], found["notes"])


def show(columns: Sequence[str], rows: Iterable[Sequence[Any]], form: Format = Format.TABLE, title: str | None = None) -> None:
    """Print rows; in CSV and JSON every value is exact, so a decimal is text there and never a float.

    CSV has lists as JSON, and before a text that a spreadsheet would compute an apostrophe.
    """
    from rich.console import Console  # takes a tenth of the time of `headline --help`

    console = Console()
    if not console.is_terminal:  # a pipe or a file has no width to fit into
        console = Console(width=10_000)
    if form is Format.TABLE:
        console.print(_table(columns, list(rows), title))
    elif form is Format.MARKDOWN:
        print("\n".join(_markdown(columns, rows, title)))
    elif form is Format.CSV:
        for row in (columns, *rows):
            print(csv_line(row))
    else:
        print(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], default=str, indent=2))


def csv_line(row: Iterable[Any]) -> str:
    """A row of CSV, without its end; the writer puts into quotes what ends its lines, and so both signs that may."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerow(map(_cell, row))
    return text.getvalue().removesuffix("\r\n")


def _cell(value: Any) -> Any:
    """A value as CSV has it; a text that is no number and begins like a formula is marked as text."""
    if isinstance(value, list | dict):
        return json.dumps(value, default=str)
    if isinstance(value, str) and _FORMULA.match(value.lstrip(" ")) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None) -> Table:
    from rich.table import Table
    from rich.text import Text

    # As Text, since rich reads a plain string as markup: `[/b]` would be an error there, `:x:` a picture.
    table = Table(title=Text(title) if title else None, title_justify="left", header_style="bold")
    for position, column in enumerate(columns):
        values = [row[position] for row in rows]
        is_number = any(isinstance(value, int | float | Decimal) for value in values)
        table.add_column(Text(column), justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(Text(text(value)) for value in row))
    return table


def _markdown(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None) -> Iterator[str]:
    yield from (f"### {escaped(title)}", "") if title else ()
    yield f"| {' | '.join(map(escaped, columns))} |"
    yield f"|{' --- |' * len(columns)}"
    yield from (f"| {' | '.join(escaped(text(value)) for value in row)} |" for row in rows)
    yield ""


def escaped(value: str) -> str:
    """A text as Markdown shows it in one line, whatever signs are in it."""
    return _MARKUP.sub(r"\\\g<0>", " ".join(value.split()))


def text(value: Any) -> str:
    """A value for the eye: thousands apart, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, Decimal) or (isinstance(value, int) and not isinstance(value, bool)):
        return f"{value:,}"
    return str(value)
