"""What a pipeline has quarantined of some days, in words."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from headline.errors import HeadlineError
from headline.intervals import Interval
from headline.specs import Pipeline, Table, load_contract

if TYPE_CHECKING:
    from headline.warehouse import Warehouse


def quarantined(pipeline: Pipeline, days: Interval, warehouse: Warehouse) -> tuple[str, list[str]]:
    """What a pipeline has quarantined of some days: in words, and the query that shows it."""
    found = []
    for table in pipeline.ordered_tables:
        if table.quarantine and table.period == "day":
            found += _quarantined_of(table, days, warehouse)
    if not found:
        return "", []
    largest = max(found)[1]
    condition = f"ds >= date '{days.start}' and ds < date '{days.end}'"
    told = "; ".join(text for _, _, text in sorted(found, reverse=True)[:3])
    return told, [f'headline query "select * from {largest} where {condition}"']


def _quarantined_of(table: Table, days: Interval, warehouse: Warehouse) -> list[tuple[int, str, str]]:
    """Rows by reason of one table: how many, the quarantine, and in words with their money."""
    contract = load_contract(table)
    money = [
        column.name
        for column in contract.columns
        if column.numeric_scale == 4 and column.name not in (*contract.not_additive, *table.key)
    ][:2]
    sums = "".join(f", sum({name}) as {name}" for name in money)
    sql = (
        f"select quarantine_reason, count(*) as row_count{sums} from {table.quarantine_name} "
        f"where ds >= date '{days.start}' and ds < date '{days.end}' group by quarantine_reason"
    )
    rows: Sequence[tuple[object, ...]] = []
    # What the ledger tells is worth telling where the warehouse is out of reach.
    with suppress(HeadlineError), warehouse.session(read_only=True) as session:
        rows = session.query(sql).rows
    found = []
    for reason, count, *amounts in rows:
        told = "".join(f", {name} {amount:,.2f}" for name, amount in zip(money, amounts, strict=True) if amount is not None)
        found.append((int(str(count)), table.quarantine_name, f"{count:,} rows of {table.quarantine_name}: {reason}{told}"))
    return found
