"""Rows on the screen or for another program."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text


class Format(StrEnum):
    """How rows are written; the names are dbt's and Airflow's."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


def show(columns: Sequence[str], rows: Iterable[Sequence[Any]], form: Format = Format.TABLE, title: str | None = None) -> None:
    """Print rows; in CSV and JSON every value is exact, so a decimal is text there and never a float; CSV has lists as JSON."""
    console = Console()
    if not console.is_terminal:  # a pipe or a file has no width to fit into
        console = Console(width=10_000)
    if form is Format.TABLE:
        console.print(_table(columns, list(rows), title))
    elif form is Format.CSV:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows([json.dumps(value) if isinstance(value, list) else value for value in row] for row in rows)
        print(text.getvalue(), end="")
    else:
        print(json.dumps([dict(zip(columns, row, strict=True)) for row in rows], default=str, indent=2))


def _table(columns: Sequence[str], rows: Sequence[Sequence[Any]], title: str | None) -> Table:
    # As Text, since rich reads a plain string as markup: `[/b]` would be an error there, `:x:` a picture.
    table = Table(title=Text(title) if title else None, title_justify="left", header_style="bold")
    for position, column in enumerate(columns):
        values = [row[position] for row in rows]
        is_number = any(isinstance(value, int | float | Decimal) for value in values)
        table.add_column(Text(column), justify="right" if is_number else "left")
    for row in rows:
        table.add_row(*(Text(text(value)) for value in row))
    return table


def text(value: Any) -> str:
    """A value for the eye: thousands apart, nothing for null."""
    if value is None:
        return ""
    if isinstance(value, Decimal) or (isinstance(value, int) and not isinstance(value, bool)):
        return f"{value:,}"
    return str(value)
