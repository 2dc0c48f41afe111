"""The commands about contracts, and what the sources send."""

from __future__ import annotations

from typing import Annotated

import typer

from headline.cli.metrics import print_yaml
from headline.cli.options import Engine, EngineOption, shown_days
from headline.options import FirstOption, LastOption

app = typer.Typer(no_args_is_help=True, help="Contracts, and what the sources send.")


@app.command("show")
def show(
    table: Annotated[str, typer.Argument(help="schema.table")],
    first: FirstOption = None,
    last: LastOption = None,
    engine: EngineOption = Engine.DUCKDB,
) -> None:
    """Print a contract, conventions included, in Soda's own format, which `soda contract verify` accepts.

    It checks the published rows of these days.
    """
    from headline import specs
    from headline.sql import soda_contract

    print_yaml(soda_contract(specs.load().table(table), shown_days(first, last), engine))


@app.command("odcs")
def odcs(
    table: Annotated[str | None, typer.Argument(help="schema.table; all, one document each, if left out.")] = None,
) -> None:
    """Print a contract as ODCS 3.1 (Open Data Contract Standard), with its checks, its landing deadline and its owners."""
    from headline import specs
    from headline.serving.odcs import data_contract

    catalog, team = specs.load(), specs.load_team()
    tables = [catalog.table(table)] if table else catalog.tables.values()
    print_yaml(*(data_contract(one, catalog.makers[one.full_name], team) for one in tables))


@app.command("diff")
def diff(table: Annotated[str, typer.Argument(help="schema.table, filled by a source")]) -> None:
    """Print the edit of a contract that accepts what its source sends now, and what else depends on that."""
    from headline import specs
    from headline.drift.proposal import propose

    proposal = propose(specs.load(), table)
    if not proposal.changes:
        print(f"Nothing to change: {table} agrees with what arrived last")
    for line in (*map(str, proposal.changes), *proposal.notes):
        print(f"# {line}")
    print(proposal.diff, end="")
