"""What a daily run and a year's backfill cost on Athena, worked out from partitions.json: the tables of docs/scale.md.

    python -m benchmarks.at_scale            prints them
    python -m benchmarks.at_scale --write    writes them into the page

Sums are upper bounds: what a statement might leave out by statistics of row groups, or by a filter of a join, it reads here.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Any

from benchmarks.partitions import FILE
from headline.runbooks.document import replace_parts
from headline.runbooks.markdown import code, table
from headline.settings import PROJECT, Settings

PAGE = PROJECT / "docs" / "scale.md"
SIZES = (10_000_000, 1_000_000_000, 100_000_000_000)  # order lines in all
YEARS = 3  # in which they were sold
DAYS = 365 * YEARS
MOST_PARTITIONS = 100  # that one statement of Athena may write
GOOD_FILE = 128_000_000  # bytes; readers lose time with smaller ones
# Athena's list price in most regions; a statement counts as at least 10 MB.
DOLLARS_PER_TB, LEAST = 5, 10_000_000
BYTES_PER_TB = 1_000_000_000_000
ALL_OF_IT = 0.9  # a scan of so large a share of the measured days has no lower bound


@dataclass(frozen=True)
class Cost:
    """Of one or more statements: how many, bytes read, read with the least that is charged, and written."""

    statements: int = 0
    scanned: float = 0
    charged: float = 0
    written: float = 0

    def __add__(self, other: Cost) -> Cost:
        return Cost(*(getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__))

    @property
    def dollars(self) -> float:
        return self.charged / BYTES_PER_TB * DOLLARS_PER_TB


def statement(scanned: float, written: float = 0) -> Cost:
    return Cost(1, scanned, max(scanned, LEAST), written)


@dataclass(frozen=True)
class Shop:
    """A shop with so many order lines in all, and the demo company whose tables it has."""

    lines: int
    measured: Mapping[str, Any]

    @cached_property
    def factor(self) -> float:
        """How many times the lines of a measured day one of its days has."""
        return self.lines / DAYS / (self.measured["order_lines"] / self.measured["days"])

    def bytes_a_day(self, name: str, share: float = 1) -> float:
        """Of a table's day; of one without days the whole. `share`: of its columns."""
        one = self.measured["tables"].get(name)
        if one is None:  # quarantine: what it weighs is in the reading of its columns
            return 0
        days = self.measured["days"]
        whole = one["bytes"] * DAYS / days if one["whole"] else one["bytes"] / days
        return whole * (self.factor if one["grows"] else 1) * share

    def scanned(self, reads: Iterable[Mapping[str, Any]], days: int = 1) -> float:
        """What one statement reads that computes so many days at once."""
        total = 0.0
        for read in reads:
            one = self.measured["tables"].get(read["table"], {"bytes": read["bytes"], "whole": False, "grows": True})
            if not one["bytes"]:
                continue
            share = read["bytes"] / one["bytes"]
            a_day = self.bytes_a_day(read["table"], share)
            if one["whole"]:
                total += a_day
            elif read["of"] > 1 and read["files"] >= ALL_OF_IT * read["of"]:
                total += a_day * DAYS
            else:
                total += a_day * (read["files"] + days - 1)
        return total

    def history(self, name: str) -> bool:
        """Whether computing a day reads all days of a table that grows with what is sold."""
        tables = self.measured["tables"]
        return any(
            tables.get(read["table"], {}).get("grows")
            and (tables[read["table"]]["whole"] or read["files"] >= ALL_OF_IT * read["of"])
            for read in tables[name]["reads"]
            if read["asked"]
        )

    def daily(self, name: str) -> Cost:
        """Write, audit and publish a table on an ordinary day, with the days that changes have made stale."""
        one = self.measured["tables"][name]
        a_day = self.bytes_a_day(name)
        staged = a_day * one["staged_periods"]
        reads = self.scanned(one["reads"]) or staged  # raw reads what has landed
        found = statement(reads, staged) + statement(staged + reads)
        if one["published_periods"]:
            changed = a_day * one["published_periods"]
            found += statement(2 * changed, changed)  # the staging table, and the published days that it replaces
        return found

    def backfill(self, name: str) -> Cost:
        """A year again, in ranges as long as one statement may write."""
        one = self.measured["tables"][name]
        a_day, total, left = self.bytes_a_day(name), Cost(), 365
        while left:
            days = min(left, Settings.model_fields["backfill_days"].default, MOST_PARTITIONS)
            staged = a_day * (1 if one["whole"] else days)
            reads = self.scanned([read for read in one["reads"] if read["asked"]], days) or staged
            total += statement(reads, staged) + statement(staged + reads) + statement(2 * staged, staged)
            left -= days
        return total

    def total(self, cost: Callable[[str], Cost]) -> Cost:
        return sum((cost(name) for name in self.measured["tables"]), Cost())


def measured() -> dict[str, Any]:
    return json.loads(FILE.read_text())


def generated() -> dict[str, str]:
    """The tables of the page, by name."""
    shops = [Shop(lines, measured()) for lines in SIZES]
    heading = ["", *(f"{shop.lines:,} lines" for shop in shops)]
    rows: list[tuple[str, ...]] = [
        ("order lines a day", *(f"{shop.lines / DAYS:,.0f}" for shop in shops)),
        *_costs("daily run", shops, lambda shop: shop.total(shop.daily)),
        *_costs("a year's backfill", shops, lambda shop: shop.total(shop.backfill)),
    ]
    return {
        "cost": table(heading, rows),
        "measured": _sizes(shops[0].measured),
        "dearest": _dearest(shops),
        "files": _files(shops),
    }


def _costs(what: str, shops: list[Shop], of: Callable[[Shop], Cost]) -> Iterable[tuple[str, ...]]:
    costs = [of(shop) for shop in shops]
    yield f"{what}: statements", *(f"{cost.statements}" for cost in costs)
    yield f"{what}: read", *(_bytes(cost.scanned) for cost in costs)
    yield f"{what}: written", *(_bytes(cost.written) for cost in costs)
    yield f"{what}: price", *(f"{cost.dollars:,.2f} USD" for cost in costs)


def _sizes(found: Mapping[str, Any]) -> str:
    days = found["days"]
    rows = [
        (
            code(name),
            f"{one['rows'] / (1 if one['whole'] else days):,.0f}",
            f"{one['bytes'] / max(one['rows'], 1):,.1f}",
            "lines" if one["grows"] else "",
            f"{one['staged_periods']} / {one['published_periods']}",
        )
        for name, one in sorted(found["tables"].items(), key=lambda item: -item[1]["bytes"])
        if one["grows"]
    ]
    return table(["table", "rows a day", "bytes a row", "grows with", "days computed / published in a daily run"], rows)


def _dearest(shops: list[Shop]) -> str:
    largest = shops[-1]
    names = sorted(largest.measured["tables"], key=lambda name: -largest.daily(name).scanned)[:8]
    rows = [
        (
            code(name),
            *(_bytes(shop.daily(name).scanned) for shop in shops),
            "all of history" if largest.history(name) else "a window",
        )
        for name in names
    ]
    return table(["table", *(f"{shop.lines:,} lines" for shop in shops), "reads"], rows)


def _files(shops: list[Shop]) -> str:
    names = ["raw.order_items", "core.order_lines", "profit.unit_profit", "core.user_days", "profit.daily_profit_summary"]
    rows = [
        (
            code(name),
            *(f"{_bytes(shop.bytes_a_day(name))}, {max(1, ceil(shop.bytes_a_day(name) / GOOD_FILE)):,}" for shop in shops),
        )
        for name in names
    ]
    return table(["a day of", *(f"{shop.lines:,} lines" for shop in shops)], rows)


def _bytes(size: float) -> str:
    for unit, step in (("PB", 1e15), ("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if size >= step:
            return f"{size / step:,.1f} {unit}"
    return f"{size / 1e3:,.0f} kB"


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        PAGE.write_text(replace_parts(PAGE.read_text(), generated()))
    else:
        print("\n\n".join(f"{name}\n\n{text}" for name, text in generated().items()))
