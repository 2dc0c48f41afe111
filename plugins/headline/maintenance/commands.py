"""The command by which what is published of a retired table is dropped."""

from __future__ import annotations

import sys
from getpass import getuser
from typing import Annotated

import typer

from headline.environments import MeantOption, refuse_in_production
from headline.options import FormatOption
from headline.show import Format, show


def retire(
    table: Annotated[str, typer.Argument(help="schema.table, as include/graveyard.yml lists it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without this option, what would be dropped is only listed.")] = False,
    by: Annotated[str, typer.Option(help="Who asks for it; the account that runs the command if left out.")] = "",
    meant: MeantOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Drop what is published of a retired table, which no folder makes and nothing reads; the ledger keeps its history.

    Refused with the names of whoever still makes or reads it. To undo it, publish the table again. Safe to run again.
    """
    from headline import specs
    from headline.ledger import Ledger
    from headline.maintenance import retire as steps
    from headline.warehouse import open_warehouse

    if yes:
        refuse_in_production(f"retire {table} --yes", is_meant=meant)
    where = (specs.load(), Ledger(), open_warehouse())
    found = steps.retire(table, by or getuser(), *where) if yes else steps.find_remains(table, *where)
    show(["table", "rows"], list(found.rows.items()), form)
    if yes:
        print(f"{table} is dropped, with {found.period_count} published period(s)", file=sys.stderr)
    elif found.rows or found.period_count:
        print(f"nothing was changed: --yes drops it, with {found.period_count} published period(s)", file=sys.stderr)
    else:
        print(f"{table}: nothing of it is published", file=sys.stderr)


COMMANDS = (retire,)
