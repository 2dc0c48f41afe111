"""The commands by which a person is erased, and by which what nobody needs any more is listed and removed."""

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


COMMANDS = (erase,)
