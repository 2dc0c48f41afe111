"""`headline …`: look at what is there, from the shell."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from headline import recovery, settings
from headline.cli import backfills, contracts, definitions, evidence, exports, figures, metrics, published, report, rota
from headline.diff import commands as diffs
from headline.diff import engine_commands
from headline.errors import HeadlineError
from headline.local import commands as local
from headline.local import sandbox
from headline.maintenance import commands as upkeep
from headline.new import commands as new
from headline.paging import commands as alerts
from headline.profile import commands as profiles
from headline.remote import commands as remote
from headline.space import is_full, no_space

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
app.add_typer(contracts.app, name="contract")
app.add_typer(new.app, name="new")
app.add_typer(sandbox.app, name="dev")
app.add_typer(backfills.app, name="backfill")
app.add_typer(figures.app, name="figures")
app.add_typer(exports.app, name="exports")
app.add_typer(engine_commands.app, name="engines")
figures.app.command("issue")(remote.issue_figures)
app.add_typer(remote.demo, name="demo")

for command in (
    *published.COMMANDS,
    *definitions.COMMANDS,
    *metrics.COMMANDS,
    *evidence.COMMANDS,
    *diffs.COMMANDS,
    *profiles.COMMANDS,
    *upkeep.COMMANDS,
    *recovery.COMMANDS,
    *alerts.COMMANDS,
    *report.COMMANDS,
    *rota.COMMANDS,
    *local.COMMANDS,
    *sandbox.COMMANDS,
    *remote.COMMANDS,
):
    app.command(command.__name__.rstrip("_").replace("_", "-"))(command)


def main() -> None:
    """The entry of the console script; our own errors are shown as they are, without a traceback."""
    try:
        settings.load_environment_file()
        app()
    except HeadlineError as error:
        print(f"headline: {error}", file=sys.stderr)
        sys.exit(1)
    except OSError as error:
        if not is_full(error):
            raise
        print(f"headline: {no_space('this command', Path(error.filename or settings.load().home), 0, error)}", file=sys.stderr)
        sys.exit(1)
