"""`headline dev run` and `headline sample`: a developer's sandbox, in a home of their own beside production."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Annotated

import typer

from headline import connections, settings
from headline.errors import BadRequest, SpecError
from headline.options import FirstOption, FormatOption, LastOption
from headline.show import Format, show

if TYPE_CHECKING:
    from headline.intervals import Interval
    from headline.pipeline.sandbox import Sample, Sandbox
    from headline.specs import Catalog, Pipeline

PRODUCTION, PRODUCTION_LEDGER = "headline_production", "headline_production_ledger"
# What production's file of variables calls them: of its ledger, the login that may only read.
_CALLED_THERE = {PRODUCTION: "headline_warehouse", PRODUCTION_LEDGER: "headline_ledger_reader"}
# A sandbox computes figures by production's settings.
_SETTINGS = ("reporting_currency", "reporting_zone", "restatement_days", "first_day", "start_date", "closed_day_limit", "without")

app = typer.Typer(no_args_is_help=True, help="A developer's sandbox beside production (HEADLINE_ENVIRONMENT=dev).")


@app.callback()
def _group() -> None:
    """A group stays one, however few commands it has."""


@app.command()
def run(
    what: Annotated[str, typer.Argument(help="A pipeline, or one of its tables as schema.table.")],
    first: FirstOption = None,
    last: LastOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Compute, audit and publish a pipeline in the sandbox, over masked samples of what production has published of its inputs.

    Inputs that were computed in the sandbox are read in place of production's. Nothing of production is written.
    """
    from headline.intervals import days_asked_for
    from headline.pipeline.sandbox import run as steps

    sandbox = open_sandbox()
    pipeline = _pipeline(what, sandbox.catalog)
    samples, tables = steps(sandbox, pipeline, days_asked_for(first, last))
    for one in samples:
        _say(one)
    rows = [
        (one.table, _in_words(one.intervals), one.row_count, one.refused_count, one.changed_count, one.state) for one in tables
    ]
    show(["table", "days", "rows", "quarantined", "periods_changed", "state"], rows, form)


def sample(
    table: Annotated[str, typer.Argument(help="schema.table")], first: FirstOption = None, last: LastOption = None
) -> None:
    """Bring what production has published of a table into the sandbox, personal data masked, in place of what is there.

    A table that is replaced whole comes whole.
    """
    from headline.intervals import days_asked_for
    from headline.pipeline.sandbox import sample as steps

    sandbox = open_sandbox()
    _say(steps(sandbox, sandbox.catalog.table(table), days_asked_for(first, last)))


def open_sandbox() -> Sandbox:
    """The developer's sandbox, set up where it is not; raises BadRequest where this is none, or production is not named."""
    from headline import specs
    from headline.ledger import Ledger
    from headline.pipeline.sandbox import Production, Sandbox
    from headline.warehouse import open_warehouse

    if settings.load().environment != settings.SANDBOX:
        raise BadRequest("this is no sandbox: HEADLINE_ENVIRONMENT=dev makes it one (docs/environments.md)")
    _know_production()
    mask = _set_up()
    production = Production(Ledger(PRODUCTION_LEDGER), open_warehouse(PRODUCTION, PRODUCTION_LEDGER))
    return Sandbox(specs.load(), Ledger(), open_warehouse(), production, mask)


def _know_production() -> None:
    """Take over from production's home how its figures are computed, and how it is read; what a shell says of that wins."""
    from headline.local.home import Home, parse

    if home := settings.load().production:
        if home.resolve() == Home.current().path:
            raise BadRequest(f"{home} is production and cannot be the sandbox too: name another HEADLINE_HOME, or none")
        file = home / "env"
        if not file.is_file():
            raise BadRequest(f"HEADLINE_PRODUCTION={home}: set-up has made no installation there, {file} is missing")
        told = parse(file.read_text())
        os.environ.update({name: told[name] for name in map(settings.variable, _SETTINGS) if name in told})
        for ours, theirs in _CALLED_THERE.items():
            if not os.environ.get(connections.variable(ours)):
                os.environ[connections.variable(ours)] = told.get(connections.variable(theirs), "")
        settings.load.cache_clear()
    if lacking := [name for name in _CALLED_THERE if not os.environ.get(connections.variable(name))]:
        raise BadRequest(
            f"where production is nobody has said: set HEADLINE_PRODUCTION to its home, or the connection(s) {', '.join(lacking)}"
        )


def _set_up() -> str:
    """Make the sandbox's home, start its PostgreSQL unless another ledger was named, and give the key of its masks."""
    from headline import ledger
    from headline.local.home import Home, chosen_in_shell
    from headline.local.private import write_private
    from headline.local.screen import Screen
    from headline.local.setup import open_home

    home, choices = Home.current(), chosen_in_shell()
    _require_own(home.environment())
    with home.starting():
        if connections.variable("headline_ledger") in choices:
            ledger.migrate()
        else:
            open_home(home, Screen(), (), choices)
    home.secrets.make(())
    file: Path = home.secrets.path("mask")
    if not file.exists():
        write_private(file, token_hex(32))
    return file.read_text()


def _require_own(kept: Mapping[str, str]) -> None:
    """Raise BadRequest where warehouse or ledger would be production's, or another installation's. `kept`: by the home's file."""
    if connections.variable("headline_ledger") in kept and kept.get("HEADLINE_ENVIRONMENT") != settings.SANDBOX:
        raise BadRequest(f"{settings.load().home} is an installation and no sandbox: name another HEADLINE_HOME, or none")
    for own, of_production in (("headline_warehouse", PRODUCTION), ("headline_ledger", PRODUCTION_LEDGER)):
        if os.environ.get(connections.variable(own)) and _leads_to(own, of_production):
            raise BadRequest(f"the connection {own} is production's: a sandbox has its own, leave it out")


def _leads_to(own: str, of_production: str) -> bool:
    """Whether a connection of the sandbox's leads to what is production's, also by another name of its host, or by a link."""
    from headline.ledger.engine import is_same_database

    mine, theirs = connections.get(own), connections.get(of_production)
    if (mine.host, mine.port or 5432, mine.schema) == (theirs.host, theirs.port or 5432, theirs.schema):
        return True
    if of_production == PRODUCTION_LEDGER:
        return is_same_database(own, of_production)
    files = Path(mine.host), Path(theirs.host)
    return all(file.exists() for file in files) and files[0].samefile(files[1])


def _pipeline(what: str, catalog: Catalog) -> Pipeline:
    known = catalog.pipelines | {name: catalog.makers[name] for name in catalog.tables}
    if what not in known:
        raise SpecError([f"no pipeline and no table is called {what}; there are: {', '.join(sorted(catalog.pipelines))}"])
    return known[what]


def _say(sampled: Sample) -> None:
    told = f"{sampled.table}: {sampled.row_count:,} row(s) of production for {_in_words(sampled.intervals)}"
    print(told, file=sys.stderr)


def _in_words(intervals: list[Interval]) -> str:
    from headline.intervals import in_words

    return in_words(day for interval in intervals for day in interval)


COMMANDS = (sample,)
