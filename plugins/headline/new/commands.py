"""The commands that begin something new: what is not given as an option is asked for, where a terminal is there."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from headline.errors import BadRequest
from headline.new.kinds import Kind

if TYPE_CHECKING:
    from headline.new.draft import Draft

app = typer.Typer(no_args_is_help=True, help="Begin a pipeline, source, table, check or metric.")

TableOption = Annotated[str, typer.Option("--table", help="The name of its table.")]
ReadsOption = Annotated[str, typer.Option("--reads", help="The table whose rows it counts and sums, schema.table.")]
ByOption = Annotated[
    list[str] | None, typer.Option("--by", help="A column besides the day that rows are grouped by; may be repeated.")
]
SumOption = Annotated[list[str] | None, typer.Option("--sum", help="A column that is summed; may be repeated.")]
CountOption = Annotated[str, typer.Option("--count", help="What the number of rows is called, such as session_count.")]


@app.command("pipeline")
def pipeline_(
    place: Annotated[str, typer.Argument(help="<area>/<name>; the name is the id of its DAG.")],
    table: TableOption = "",
    reads: ReadsOption = "",
    by: ByOption = None,
    sums: SumOption = None,
    count: CountOption = "",
) -> None:
    """Begin a pipeline with one table of figures: folder, SQL, contract, golden case, runbook and the line of its DAG.

    Nothing that is there is overwritten. What only a person can write is marked with TODO, and `headline check` names it.
    """
    from headline.new.begin import begin_pipeline

    table = _asked(table, "--table", "Name of its table")
    _told(begin_pipeline(place, table, *_figure(reads, by, sums, count)), place)


@app.command("table")
def table_(
    place: Annotated[str, typer.Argument(help="<area>/<pipeline>")],
    table: Annotated[str, typer.Argument(help="The name of the new table.")],
    reads: ReadsOption = "",
    by: ByOption = None,
    sums: SumOption = None,
    count: CountOption = "",
) -> None:
    """Begin one more table of a pipeline: its entry in pipeline.yml, SQL, contract and golden case."""
    from headline.new.begin import begin_table

    _told(begin_table(place, table, *_figure(reads, by, sums, count)), place)


@app.command()
def source(
    name: Annotated[str, typer.Argument(help="The name of its folder, and the id of its DAG.")],
    table: TableOption = "",
    kind: Annotated[Kind | None, typer.Option(help="How it sends what it has.")] = None,
    columns: Annotated[list[str] | None, typer.Option("--column", help="name, or name:type; may be repeated.")] = None,
    key: Annotated[
        list[str] | None, typer.Option("--key", help="A column that tells one record from another; may be repeated.")
    ] = None,
    moment: Annotated[str, typer.Option(help="The column that tells when a record happened.")] = "",
) -> None:
    """Begin a source: source.yml, a raw table with its SQL and contract, golden case, runbook and the line of its DAG.

    `headline profile <file>` looks at a file first, and writes a mapping of what is in it.
    """
    from headline.new.sources import begin_source

    table = _asked(table, "--table", "Name of its raw table")
    chosen = kind or Kind(_asked("", "--kind", f"How it sends what it has ({', '.join(Kind)})", tuple(Kind)))
    columns = columns or _asked("", "--column", "Columns that arrive, as name or name:type, apart by blanks").split()
    key = key or _asked("", "--key", "Which of them tell one record from another, apart by blanks").split()
    if chosen not in (Kind.CSV, Kind.JSON, Kind.PARQUET):
        moment = _asked(moment, "--moment", "Which of them tells when a record happened")
    _told(begin_source(name, table, chosen, columns, key, moment), f"sources/{name}")


@app.command("check")
def check_(
    table: Annotated[str, typer.Argument(help="schema.table")],
    name: Annotated[str, typer.Argument(help="What must be true, such as «every order has a customer».")],
    dimension: Annotated[str, typer.Option(help="schema, reconciliation, anomaly, duplicates or completeness.")] = "",
    wrong: Annotated[
        str, typer.Option(help="The condition of the rows that are wrong, in SQL; left out: a TODO marks its place.")
    ] = "",
) -> None:
    """Begin a check: a SELECT of wrong rows beside the table's contract, and its entry there."""
    from headline.new.checks import DIMENSIONS, begin_check

    dimension = _asked(dimension, "--dimension", f"Its dimension ({', '.join(DIMENSIONS)})", DIMENSIONS)
    _told(begin_check(table, name, dimension, wrong), _folder_of(table))


@app.command()
def metric(
    table: Annotated[str, typer.Argument(help="schema.table, a table of figures.")],
    name: Annotated[str, typer.Argument(help="The new column; its type follows from its name.")],
    value: Annotated[str, typer.Option(help="Its SQL, such as «count(distinct sessions.user_id)».")] = "",
) -> None:
    """Begin a metric: a column of a table of figures, in its SELECT and its contract, with a check that it is as usual."""
    from headline.new.checks import begin_metric

    _told(begin_metric(table, name, _asked(value, "--value", "Its SQL")), _folder_of(table))


def _figure(reads: str, by: list[str] | None, sums: list[str] | None, count: str) -> tuple[str, list[str], list[str], str]:
    """What a table of figures is made of; all that was left out is asked for at once."""
    if not reads:
        reads = _asked(reads, "--reads", "The table whose rows it counts and sums, as schema.table")
        by = (
            by
            if by is not None
            else _words("Columns besides the day that rows are grouped by, apart by blanks; none: leave empty")
        )
        sums = sums if sums is not None else _words("Columns that are summed; none: leave empty")
        count = count or typer.prompt("Name of the number of rows", default=_count_of(reads))
    return reads, by or [], sums or [], count or _count_of(reads)


def _count_of(reads: str) -> str:
    return f"{reads.rpartition('.')[2].removesuffix('s')}_count"


def _words(question: str) -> list[str]:
    return str(typer.prompt(question, default="", show_default=False)).split()


def _asked(given: str, option: str, question: str, choices: tuple[str, ...] = ()) -> str:
    """What was given, or else what is answered; raises BadRequest where nobody is there to answer."""
    if given:
        return given
    if not is_asked():
        raise BadRequest(f"{option} is missing: {question[:1].lower()}{question[1:]}")
    while True:
        answer = str(typer.prompt(question)).strip()
        if answer and (not choices or answer in choices):
            return answer


def is_asked() -> bool:
    """Whether somebody is there who can answer."""
    return sys.stdin.isatty()


def _told(drafts: list[Draft], place: str) -> None:
    from headline.new.draft import Draft  # it loads the rules, which no other command is to wait for

    whole = Draft()
    for draft in drafts:
        whole.new |= draft.new
        whole.changed |= draft.changed
    print("\n".join([*whole.told(), f"next: headline check {place}"]))


def _folder_of(table: str) -> str:
    from headline.specs import load_understood

    maker = load_understood().makers[table]
    return f"{maker.area}/{maker.id}"
