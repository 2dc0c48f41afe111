"""What commands of this folder have in common."""

from __future__ import annotations

import sys
from datetime import date
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from headline.intervals import DAY, Interval, requested_interval

if TYPE_CHECKING:
    from headline.specs import Catalog


class Engine(StrEnum):
    """The engines that the portable subset of SQL is meant for."""

    DUCKDB = "duckdb"
    ATHENA = "athena"
    SPARK = "spark"


EngineOption = Annotated[Engine, typer.Option(help="Whose SQL is printed.")]


def shown_days(first: str | None, last: str | None) -> Interval:
    """The days that something is shown for: those asked for, or yesterday."""
    today = date.today()  # noqa: DTZ011 (only a default for the eye)
    return requested_interval(first, last, Interval(today - DAY, today), date.max)


def sound_catalog() -> Catalog:
    """Every folder without faults; what is wrong with the others goes to stderr, so that one hides no other."""
    from headline import specs

    catalog, faults = specs.load_sound_and_faults()
    if faults:
        print("headline: some folders are faulty, `headline check` tells all of it:", file=sys.stderr)
    for fault in faults:
        print(f"  - {fault}", file=sys.stderr)
    return catalog
