"""The commands about contracts, and what the sources send."""

from __future__ import annotations

from typing import Annotated

import typer

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
    import yaml

    from headline import specs
    from headline.sql import soda_contract

    written = soda_contract(specs.load().table(table), shown_days(first, last), engine)

    class Dumper(yaml.SafeDumper):
        """Lines of SQL stay lines."""

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    print(yaml.dump(written, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=130), end="")


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
