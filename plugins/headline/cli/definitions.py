"""The commands that tell what folders say, and what is wrong with them."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from headline import settings
from headline.cli.options import Engine, EngineOption, shown_days, sound_catalog
from headline.errors import HeadlineError
from headline.options import FirstOption, FormatOption, LastOption
from headline.show import Format, show


def compile_(
    table: Annotated[str, typer.Argument(help="schema.table")],
    first: FirstOption = None,
    last: LastOption = None,
    engine: EngineOption = Engine.DUCKDB,
) -> None:
    """Print the SELECT of a table as an engine runs it for some days."""
    from headline import specs
    from headline.pipeline import compile_table

    print(compile_table(specs.load().table(table), shown_days(first, last), {}, engine))


def checks(form: FormatOption = Format.TABLE) -> None:
    """List how many checks of each dimension every table has, from which it is exempt, and which columns cannot be summed."""
    from typing import get_args

    from headline import specs

    dimensions = get_args(specs.Dimension)
    rows = []
    for name, table in sound_catalog().tables.items():
        contract, faults = specs.read_contract(table)
        for fault in faults:
            print(f"headline: {fault}", file=sys.stderr)
        has = contract.dimensions if contract else dict.fromkeys(dimensions)
        not_additive = ", ".join(contract.not_additive) if contract else ""
        counts = (has[one] or ("exempt" if one in table.exempt else None) for one in dimensions)
        rows.append((name, *counts, not_additive or None))
    show(["table", *dimensions, "not_additive"], rows, form)


def check(
    folders: Annotated[
        list[str] | None, typer.Argument(help="<area>/<pipeline> below include/sql, or files of it; all if left out.")
    ] = None,
) -> None:
    """List everything that is wrong with pipelines' folders, golden cases included; needs neither a database nor Airflow.

    Ends with 1 where anything is wrong.
    """
    from headline.rules import report, style

    found = report.check(report.find_folders(*folders or ()))
    for one, faults in found.items():
        print("\n".join(report.written(one, faults)))
    if not style.is_installed():
        print(
            "headline: sqlfluff and yamllint are not installed (make setup brings them): style was not checked", file=sys.stderr
        )
    if wrong := sum(len(faults) for faults in found.values()):
        raise HeadlineError(f"{wrong} fault(s) in {sum(map(bool, found.values()))} of {len(found)} folder(s)")


def runbooks(
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; end with 1 where something is missing or stale.")
    ] = False,
) -> None:
    """Write the generated parts of every RUNBOOK.md and of docs/alerts, and CODEOWNERS; say what somebody has to write."""
    from headline import runbooks, specs

    known, catalog = settings.load(), specs.load()
    pipelines = [one for one in catalog.pipelines.values() if one.folder.is_relative_to(known.sql)]  # no stand-ins for sources
    if not check:
        for pipeline in pipelines:
            pipeline.runbook_file.write_text(runbooks.regenerated(pipeline, catalog))
        for page in runbooks.ALERT_PAGES.glob("*.md"):
            page.write_text(runbooks.regenerated_alert(page))
        runbooks.CODEOWNERS.write_text(runbooks.codeowners())
    found = [f"{one.area}/{one.id}/RUNBOOK.md: {fault}" for one in pipelines for fault in runbooks.faults(one, catalog)]
    found += [f"docs/alerts/{fault}" for fault in runbooks.alert_faults()]
    if found:
        raise HeadlineError("\n".join(["the runbooks are not as they should be:", *(f"  - {fault}" for fault in found)]))


def access(
    write: Annotated[
        bool,
        typer.Option(
            "--write",
            help="Write include/roles.json and docs/rights.md anew, from both access.yml (include and infra/terraform).",
        ),
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """List who may see what: each role and person by area, with the tables whose personal data they see empty.

    Roles and people are those of Airflow, which administrators may list; where it cannot be asked, the roles are those of
    include/access.yml.
    """
    from headline.listings.access import roles_of_airflow, roles_of_file, who_may_see
    from headline.remote.client import airflow
    from headline.runbooks.access import PAGE, regenerated_access
    from headline.specs.access import roles_json

    if write:
        settings.ROLES.write_text(roles_json())
        PAGE.write_text(regenerated_access())
        return
    catalog = sound_catalog()
    roles, people = roles_of_file(catalog), []
    try:
        with airflow() as api:
            roles, people = roles_of_airflow(api.roles()), api.people()
    except HeadlineError as error:
        print(f"headline: the roles of include/access.yml, and no people: {error}", file=sys.stderr)
    who_may_see(catalog, roles, people).show(form)


COMMANDS = (compile_, checks, check, runbooks, access)
