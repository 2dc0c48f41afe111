"""Rows and money of the days at stake: what a backfill starts from, and what it has changed."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from headline.errors import HeadlineError, SpecError
from headline.intervals import Interval
from headline.ledger import Ledger
from headline.specs import Catalog, Table, load_contract
from headline.warehouse import Session, Warehouse

log = logging.getLogger(__name__)
MONEY_SCALE = 4  # money has four decimals everywhere, as have unit prices, which cannot be summed
_SUMS = re.compile(r"(.*_)?(amount|revenue|expense|profit)|cost_of_goods")

Totals = dict[str, dict[str, Any]]


def totals(catalog: Catalog, ledger: Ledger, warehouse: Warehouse, days: Mapping[str, Sequence[Interval]]) -> Totals:
    """By table the published rows of these days, the sums of its money by column, and the days; money is left out where the
    warehouse cannot be read now."""
    tables = catalog.tables
    found: Totals = {name: {"rows": 0, "money": {}, "days": [one.to_json() for one in mine]} for name, mine in days.items()}
    by_days: dict[tuple[Interval, ...], list[str]] = {}
    for name, mine in days.items():
        by_days.setdefault(tuple(mine), []).append(name)
    for mine, names in by_days.items():
        for state in ledger.states(names, *mine) if mine else ():
            if tables[state.table].period_column is None:
                found[state.table]["rows"] = state.row_count
            else:
                found[state.table]["rows"] += state.row_count
    try:
        with warehouse.session(read_only=True) as session:
            there = session.tables()
            for name, mine in days.items():
                if name in there and found[name]["rows"]:
                    found[name]["money"] = _money(tables[name], mine, session)
    except HeadlineError as error:
        log.warning("the money of the days at stake is not known: %s", error)
    return found


def _money(table: Table, days: Sequence[Interval], session: Session) -> dict[str, str]:
    columns = money_columns(table)
    if not columns:
        return {}
    period = table.period_column
    spans = [one.widen(table.period) for one in days]
    within = " or ".join(f"({period} >= date '{one.start}' and {period} < date '{one.end}')" for one in spans)
    where = f" where {within}" if period else ""
    sums = ", ".join(f"sum({name})" for name in columns)
    [row] = session.query(f"select {sums} from {table.full_name}{where}").rows
    return {name: str(value or 0) for name, value in zip(columns, row, strict=True)}


def money_columns(table: Table) -> list[str]:
    """The columns of a table that hold money and can be summed over all rows, as its contract says or else their names do."""
    with suppress(SpecError):
        return [
            one.name
            for one in load_contract(table).columns
            if one.numeric_scale == MONEY_SCALE
            and (one.attributes.additive_over == "all" or (one.attributes.additive_over is None and _SUMS.fullmatch(one.name)))
        ]
    return []


def differences(before: Totals, after: Totals) -> list[tuple[str, str, str, str]]:
    """Table, what, before and after, of all totals that are not what they were."""
    found = []
    for name, was in before.items():
        now = after.get(name, {"rows": 0, "money": {}})
        if was["rows"] != now["rows"]:
            found.append((name, "rows", str(was["rows"]), str(now["rows"])))
        for column, value in was["money"].items():
            if now["money"].get(column, value) != value:
                found.append((name, column, value, now["money"][column]))
    return found
