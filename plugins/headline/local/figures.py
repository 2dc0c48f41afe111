"""What a run came to, as tables for the screen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import date
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from headline.intervals import DAY, Interval, in_words

# What fits beside each other on a screen; gross profit - expenses = net profit. `headline query` shows the rest.
PROFIT = {
    "units": "unit_count",
    "net_revenue": "net_revenue",
    "gross_profit": "gross_profit",
    "expenses": "marketing_expense + operational_expense + labor_expense",
    "net_profit": "net_profit",
}
USERS = ("active", "new", "retained", "resurrected", "churned")
MONTHS = 12
PLAIN: dict[str, Any] = {"title_justify": "left", "box": SIMPLE_HEAD, "show_edge": False, "padding": (0, 1, 0, 0)}


def figures(dags: Collection[str], first: date, last: date, currency: str) -> Iterator[Table]:
    """The figures for investors of the DAGs that ran."""
    if "investor_profit" in dags:
        yield profit(first, last, currency)
    if {"investor_growth", "investor_engagement"} <= set(dags):
        yield users(first, last)


def profit(first: date, last: date, currency: str) -> Table:
    """Profit by category and in total over the days, from profit.daily_profit_summary."""
    sums = ", ".join(f"sum({expression}) as {name}" for name, expression in PROFIT.items())
    days = f"from profit.daily_profit_summary where ds >= date '{first}' and ds <= date '{last}'"
    last_row = "case when category = 'unallocated' then 1 else 0 end"
    rows = _query(f"select category, {sums} {days} group by category order by {last_row}, category")
    total = _query(f"select 'total' as category, {sums} {days}")
    partial = [ds for (ds,) in _query(f"select distinct ds {days} and is_partial")]
    title = f"Profit {first} to {last}, {currency}" + (f" (partial: {in_words(partial)})" if partial else "")
    table = _table(title, "category", list(PROFIT))
    for category, units, *amounts in [*rows, *total]:
        if category == "total":
            table.add_section()
        table.add_row(Text(category), f"{units or 0:,}", *(f"{amount or 0:,.2f}" for amount in amounts))
    return table


def users(first: date, last: date) -> Table:
    """The last months of growth and engagement, from growth.monthly_growth and engagement.monthly_engagement."""
    states = ", ".join(f"growth.{state}_users" for state in USERS)
    rows = _query(
        "select growth.month, growth.is_provisional, growth.is_partial or coalesce(engagement.is_partial, false), "
        f"{states}, growth.quick_ratio, engagement.stickiness "
        "from growth.monthly_growth as growth "
        "left join engagement.monthly_engagement as engagement on growth.month = engagement.month "
        f"where growth.month >= date_trunc('month', date '{first}') and growth.month <= date '{last}' "
        f"order by growth.month desc limit {MONTHS}"
    )
    table = _table("Users by month (* days are missing, † rows are missing)", "month", [*USERS, "quick ratio", "stickiness"])
    for month, is_provisional, is_partial, *counts, quick_ratio, stickiness in reversed(rows):
        shares = ("·" if share is None else f"{share:.3f}" for share in (quick_ratio, stickiness))
        marks = f"{'*' if is_provisional else ''}{'†' if is_partial else ''}"
        table.add_row(f"{month:%Y-%m}{marks}", *(f"{count:,}" for count in counts), *shares)
    return table


def open_figures(pipeline_ids: Iterable[str], first: date, last: date) -> list[str]:
    """The names of the unusual figures that hold back these pipelines on these days, as a waiver names them."""
    from headline import specs
    from headline.ledger import Figures

    pipelines = specs.load_sound().pipelines
    tables = [table.full_name for name in pipeline_ids if name in pipelines for table in pipelines[name].ordered_tables]
    return [figure.name for figure in Figures().open(tables, Interval(first, last + DAY))]


def audits() -> Table:
    """How the checks of each table's newest audit ended, from the ledger."""
    from headline.ledger import Ledger

    outcomes: dict[str, Counter[str]] = {}
    for check in Ledger().latest_audits():
        outcomes.setdefault(check.table_name, Counter())[check.outcome] += 1
    columns = ("passed", "warned", "insufficient_history", "waived", "failed", "not_evaluated")
    table = _table("Checks of each table's newest audit", "table", [name.replace("_", "\n") for name in columns])
    table.padding = 0  # so that it fits 80 columns, where there is no terminal
    for name, counts in sorted(outcomes.items()):
        table.add_row(name, *(str(counts[outcome]) if counts[outcome] else "·" for outcome in columns))
    return table


def _query(sql: str) -> list[tuple[Any, ...]]:
    from headline.warehouse import open_warehouse

    with open_warehouse().session(read_only=True) as session:
        return session.query(sql).rows


def _table(title: str, first: str, others: list[str]) -> Table:
    table = Table(title=title, **PLAIN)
    table.add_column(first, no_wrap=True)
    for name in others:
        table.add_column(name.replace("_", " "), justify="right", no_wrap=True)
    return table
