"""The files that a source's table is made of, and whether each row of them is in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import NamedTuple, NoReturn

from headline.drift import agreement
from headline.errors import BadData
from headline.intervals import Interval
from headline.ledger import Load
from headline.pipeline.run import PipelineRun
from headline.sources.intact import sums_of
from headline.sources.refused import REFUSAL
from headline.specs import Source, Table, Window
from headline.warehouse import Content, Staging

SHOWN_DAYS = 3


class Money(NamedTuple):
    """The statement that sums up money by day, its columns with what they landed as, and by day the load with its sums."""

    sql: str
    columns: Mapping[str, str]
    expected: Mapping[date, tuple[Load, Mapping[str, Decimal]]]


def landed(run: PipelineRun, reads: Mapping[str, Window], intervals: Sequence[Interval]) -> dict[str, list[Load]]:
    """By landing, what the days of these intervals read of it; a day that brought nothing is among them."""
    return {
        name: run.ledger.current_loads(name, [window.reach(interval) for interval in intervals])
        for name, window in reads.items()
        if name.startswith("landing.")
    }


def require_taken_over(
    run: PipelineRun, table: Table, contents: Sequence[Content], loads: Mapping[str, Sequence[Load]], session: Staging
) -> None:
    """A table that takes a landing over row for row has as many rows of each day as its manifest says, refused ones included, and
    as much money.

    That is what a source's table does which does not state its reads. Raises BadData with file, rows and sums expected and found.
    """
    if not isinstance(run.pipeline, Source) or not table.takes_over_landing:
        return
    [of_its_name] = loads.values()
    if REFUSAL not in table.sql_file.read_text() and any(REFUSAL in load.columns for load in of_its_name):
        return  # refused records are left out
    found = {content.start: content.row_count for content in contents}
    odd = [load for load in of_its_name if load.row_count != found.get(load.ds, 0)]
    told = [
        f"{load.ds}: {load.row_count} rows by the manifest of {load.file}, {found.get(load.ds, 0)} in the staging table"
        for load in odd
    ]
    meant = "if that is intended, list the table's `reads` in source.yml"
    if told:
        _hold(table, "rows", told, f"drops or duplicates rows: {meant}")
    money = money_taken_over(run, table, loads, session)
    if money and (told := list(_other_money(money, session))):
        _hold(table, "money", told, f"changes amounts (see `headline compile {table.full_name}`): {meant}")


def money_taken_over(run: PipelineRun, table: Table, loads: Mapping[str, Sequence[Load]], session: Staging) -> Money | None:
    """The money that landed for a table which takes a landing over row for row; None where there is none to compare."""
    if not isinstance(run.pipeline, Source) or not table.takes_over_landing:
        return None
    [(landing, of_its_name)] = loads.items()
    # A load from before sums were kept has none.
    expected = {load.ds: (load, sums) for load in of_its_name if load.row_count and (sums := sums_of(load))}
    money = {name for _, sums in expected.values() for name in sums}
    columns = agreement.money_taken_over(run.pipeline, table, landing.removeprefix("landing."), money) if money else {}
    if not columns:
        return None
    totals = ", ".join(f"sum({name})" for name in columns)
    return Money(f"select ds, {totals} from {session.staging_name(table.full_name)} group by ds", columns, expected)


def _other_money(money: Money, session: Staging) -> Iterator[str]:
    """The days of which the staged rows hold another sum than what landed."""
    found = {ds: dict(zip(money.columns, totals, strict=True)) for ds, *totals in session.query(money.sql).rows}
    for ds, (load, sums) in money.expected.items():
        for name, landed_as in money.columns.items():
            total, now = sums.get(landed_as), found.get(ds, {}).get(name) or Decimal(0)
            if total is not None and total != now:
                expected_sum = f"{name} of {load.row_count} rows sums to {total:,f} by the manifest of {load.file}"
                yield f"{ds}: {expected_sum}, to {now:,f} in the staging table"


def _hold(table: Table, what: str, told: Sequence[str], why: str) -> NoReturn:
    more = [f"  - and {len(told) - SHOWN_DAYS} more"] if len(told) > SHOWN_DAYS else []
    lines = [
        f"{table.full_name}: differs from the landed {what}, {len(told)} time(s):",
        *(f"  - {one}" for one in told[:SHOWN_DAYS]),
        *more,
        f"{table.sql_file.name} {why}",
    ]
    raise BadData("\n".join(lines))
