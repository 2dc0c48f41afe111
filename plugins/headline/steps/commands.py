"""The commands by which a person is erased, and by which what is published of a retired table is dropped."""

from __future__ import annotations

import sys
from getpass import getuser
from typing import Annotated

import typer

from headline.show import Format, show

FormatOption = Annotated[Format, typer.Option("--format", help="How rows are written.")]


def erase(
    customer: Annotated[str, typer.Option(help="The id that the shop, or the app, knows the person by.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only what would change is listed.")] = False,
    by: Annotated[str, typer.Option(help="Who asks for it; the account that runs the command if left out.")] = "",
    form: FormatOption = Format.TABLE,
) -> None:
    """Erase a person: a pseudonym stands for their id in landing, tables and samples, other personal data go. No figure changes.

    A tombstone sees to it that what arrives of them later is landed under the pseudonym. It cannot be undone. Again is safe.
    """
    from headline import specs
    from headline.ledger import Ledger
    from headline.steps import erasure
    from headline.warehouse import open_warehouse

    where = (specs.load(), Ledger(), open_warehouse())
    found = erasure.erase(customer, by or getuser(), *where) if yes else erasure.find_person(customer, *where)
    show(["place", "rows"], [(one.name, one.row_count) for one in found], form)
    if not found:
        print("nothing of this person is there", file=sys.stderr)
    elif yes:
        print("erased; when runs that were going on have ended, look again whether anything is left", file=sys.stderr)
    else:
        print("nothing was changed: --yes erases the person", file=sys.stderr)


def retire(
    table: Annotated[str, typer.Argument(help="schema.table, as include/graveyard.yml lists it.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without, only what would be dropped is listed.")] = False,
    by: Annotated[str, typer.Option(help="Who asks for it; the account that runs the command if left out.")] = "",
    form: FormatOption = Format.TABLE,
) -> None:
    """Drop what is published of a retired table, which no folder makes and nothing reads; the ledger keeps its history.

    Refused with the names of whoever still makes or reads it. It cannot be undone, but by making the table again. Again is safe.
    """
    from headline import specs
    from headline.ledger import Ledger
    from headline.steps import retire as steps
    from headline.warehouse import open_warehouse

    where = (specs.load(), Ledger(), open_warehouse())
    found = steps.retire(table, by or getuser(), *where) if yes else steps.find_remains(table, *where)
    show(["table", "rows"], list(found.rows.items()), form)
    if yes:
        print(f"{table} is dropped, with {found.period_count} published period(s)", file=sys.stderr)
    elif found.rows or found.period_count:
        print(f"nothing was changed: --yes drops it, with {found.period_count} published period(s)", file=sys.stderr)
    else:
        print(f"{table}: nothing of it is published", file=sys.stderr)


COMMANDS = (erase, retire)
