"""`headline engines …`: the same tables on two engines."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from headline.options import FormatOption, LastOption
from headline.show import Format, show

if TYPE_CHECKING:
    from headline.diff.engines import Compared

app = typer.Typer(no_args_is_help=True, help="The same tables on two engines.")


@app.command()
def compare(
    table: Annotated[str, typer.Argument(help="schema.table")],
    other: Annotated[str, typer.Option("--with", help="The connection of the other engine.")],
    one: Annotated[str, typer.Option("--connection", help="The connection of the first engine.")] = "headline_warehouse",
    first: Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD; yesterday if left out.")] = None,
    last: LastOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Compare the published rows of a table on two engines: by period how many rows each has, and rows that only one has.

    Exits with 1 where any row differs.
    """
    from headline import specs
    from headline.diff.engines import compare_engines
    from headline.intervals import DAY, Interval, requested_interval
    from headline.warehouse import open_warehouse

    yesterday = date.today() - timedelta(days=1)  # noqa: DTZ011 (only a default for the eye)
    days = requested_interval(first, last, Interval(yesterday, yesterday + DAY), date.max)
    found = list(compare_engines(specs.load_sound().table(table), days, open_warehouse(one), open_warehouse(other)))
    columns = ["table", "period", f"rows {one}", f"rows {other}", f"only {one}", f"only {other}", "example"]
    rows = [
        (each.output, each.period, each.rows_one, each.rows_other, each.only_one, each.only_other, _told(each, (one, other)))
        for each in found
    ]
    show(columns, rows, form, title=f"{table} on {one} and {other}")
    if not all(each.is_equal for each in found):
        raise typer.Exit(1)


def _told(compared: Compared, engines: tuple[str, str]) -> str:
    rows = [(engines[side - 1], ", ".join(f"{name} {value}" for name, value in row.items())) for side, row in compared.examples]
    return "; ".join(f"only {engine}: {row}" for engine, row in rows)
