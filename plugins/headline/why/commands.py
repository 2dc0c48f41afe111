"""The command that says why a day is as it is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer


def why(
    table: Annotated[str, typer.Argument(help="schema.table")],
    day: Annotated[datetime, typer.Argument(formats=["%Y-%m-%d"], help="A day of it; of weeks and months any of their days.")],
) -> None:
    """Say in at most five lines why a day is late, partial, stale, failed, held back, waived, open or restated, and what to do.

    It reads the ledger, and the quarantine where the warehouse can be read; Airflow is not needed.
    """
    from headline import specs
    from headline.ledger import Ledger, only_read
    from headline.warehouse import open_warehouse
    from headline.why.inquiry import explain

    only_read()
    catalog = specs.load_sound()
    answer = explain(catalog, Ledger(), catalog.table(table), day.date(), datetime.now(UTC), open_warehouse())
    print("\n".join(answer.lines))


COMMANDS = (why,)
