"""Faults as they come from outside: what each does to the demo company's sources on one day, and who must catch it."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from shutil import copytree, rmtree
from typing import Any

import psycopg2
from tests.faults.world import World, steps

from headline.demo import datashare
from headline.demo.company import Company
from headline.demo.finance import Expense, expenses
from headline.errors import BadData, HeadlineError, NotEvaluated, Transient
from headline.intervals import DAY
from headline.ledger import Ledger, SchemaChanges, missing_inputs
from headline.pipeline import PipelineRun

FIRST = date(2026, 3, 2)
TODAY = FIRST + DAY * 56  # eight weeks of history: what anomaly checks need to have learned
STEADY = Company(first_day=FIRST, lines_on_first_day=240, late_share=0.02, blemish_share=0.0)

# What finance's service answers besides, or instead of, the truth; the service runs in this process.
finance_answers: list[Callable[[list[Expense]], list[Expense]]] = []


@dataclass(frozen=True)
class Found:
    """Something that the day's runs noticed: which step or check, how it ended, and what it said."""

    where: str
    outcome: str
    text: str


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong on TODAY.

    `caught_by`: the step or «table: check» that must notice it. `outcome`: held (bad data, no retry), retried (may still come),
    or let through (warned or quarantined, and what is published is right or labelled as partial). `says`: words of the message.
    """

    name: str
    source: str
    inject: Callable[[World], None] = field(repr=False)
    caught_by: str
    outcome: str
    says: tuple[str, ...] = ()

    def caught(self, found: Iterable[Found]) -> Found | None:
        """The finding that names this fault."""
        mine = (one for one in found if one.where == self.caught_by and one.outcome == self.outcome)
        return next((one for one in mine if all(word in one.text for word in self.says)), None)


# what can happen to the data share


def share(world: World, name: str) -> Path:
    return world.folder / "datashare" / name


def rates(world: World) -> Path:
    return share(world, datashare.rates_file(TODAY))


def assignments(world: World) -> Path:
    return share(world, datashare.assignments_file(TODAY))


def batches(world: World) -> list[Path]:
    return sorted(share(world, f"events/arrived={TODAY}").glob("*.jsonl.gz"))


# Where another fault has taken the file away, there is nothing left to damage.


def edit_csv(file: Path, edit: Callable[[dict[str, str]], dict[str, str]]) -> None:
    if not file.exists():
        return
    with file.open() as text:
        rows = [edit(row) for row in csv.DictReader(text)]
    with file.open("w") as text:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def edit_events(world: World, edit: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    for file in batches(world):
        events = [edit(json.loads(line)) for line in gzip.decompress(file.read_bytes()).splitlines()]
        file.write_bytes(gzip.compress("".join(json.dumps(event) + "\n" for event in events).encode(), mtime=0))


def without(column: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda row: {name: value for name, value in row.items() if name != column}


def renamed(column: str, to: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda row: {to if name == column else name: value for name, value in row.items()}


def cut_off(world: World) -> None:
    for file in batches(world)[-1:]:
        content = file.read_bytes()
        file.write_bytes(content[: len(content) * 2 // 3])


def silence(world: World) -> None:
    rmtree(share(world, f"events/arrived={TODAY}"))


def second_delivery(world: World) -> None:
    for first in batches(world)[:1]:
        first.with_name(first.name.replace("-1.", "-9.")).write_bytes(first.read_bytes())


# what can happen to the shop's database

OF_TODAY = f"ordered_at >= '{TODAY}' and ordered_at < '{TODAY + DAY}'"
LINES_OF_TODAY = f"order_id in (select order_id from orders where {OF_TODAY})"


def shop(*statements: str) -> Callable[[World], None]:
    def inject(world: World) -> None:
        for statement in statements:
            world.in_shop(statement)

    return inject


def some_lines(change: str, one_in: int, rest: int = 0) -> Callable[[World], None]:
    some = f"line_number = 1 and abs(hashtext(order_id)) % {one_in} = {rest}"
    return shop(f"update order_items set {change} where {LINES_OF_TODAY} and {some}")


# what can happen to finance's service


def answered(company: Company, day: date, *, corrected: bool = False) -> list[Expense]:
    """What finance's service says of a day."""
    entries = expenses(company, day, corrected=corrected)
    for change in finance_answers:
        entries = change(entries)
    return entries


def finance(change: Callable[[list[Expense]], list[Expense]]) -> Callable[[World], None]:
    def of_today(entries: list[Expense]) -> list[Expense]:
        return change(entries) if entries and entries[0].incurred_on == TODAY else entries

    return lambda _world: finance_answers.append(of_today)


def expense_without_rate(entries: list[Expense]) -> list[Expense]:
    return [*entries, entries[0]._replace(expense_id="E-XAU", currency_code="XAU", amount=Decimal("2500.00"))]


FAULTS = (
    Fault(
        "late file",
        "finance",
        lambda world: rates(world).unlink(missing_ok=True),
        "ingest.exchange_rates",
        "retried",
        ("rates_", "is not there yet"),
    ),
    Fault(
        "missing file",
        "app",
        lambda world: assignments(world).unlink(missing_ok=True),
        "ingest.experiment_assignments",
        "retried",
        ("assign", "is not there yet"),
    ),
    Fault(
        "missing day",
        "shop",
        shop(f"delete from order_items where {LINES_OF_TODAY}", f"delete from orders where {OF_TODAY}"),
        "raw.orders: every day has orders",
        "held",
        (str(TODAY),),
    ),
    Fault("duplicate file", "app", second_delivery, "quarantine.events: duplicate_event", "let through"),
    Fault(
        "duplicated rows",
        "shop",
        shop(f"insert into order_items select * from order_items where {LINES_OF_TODAY} and abs(hashtext(order_id)) % 10 = 0"),
        "quarantine.order_lines: duplicate_order_line",
        "let through",
    ),
    Fault(
        "null revenue", "shop", some_lines("unit_price = null", 25), "quarantine.order_lines: missing_unit_price", "let through"
    ),
    Fault(
        "negative revenue",
        "shop",
        some_lines("unit_price = -unit_price", 25, rest=1),
        "quarantine.order_lines: negative_unit_price",
        "let through",
    ),
    Fault(
        "dropped column",
        "shop",
        shop("alter table orders drop column sales_channel"),
        "ingest.orders",
        "held",
        ("sales_channel: removed",),
    ),
    Fault(
        "added column",
        "finance",
        lambda world: edit_csv(rates(world), lambda row: row | {"publisher": "partner"}),
        "columns of landing.exchange_rates",
        "let through",
        ("publisher: added",),
    ),
    Fault(
        "renamed column",
        "app",
        lambda world: edit_events(world, renamed("user_id", "member_id")),
        "ingest.events",
        "held",
        (
            "user_id: removed",
            "perhaps renamed to member_id (a guess",
        ),
    ),
    Fault(
        "retyped column",
        "app",
        lambda world: edit_csv(assignments(world), lambda row: row | {"exposed_at": "noon"}),
        "ingest.experiment_assignments",
        "held",
        ("exposed_at: was timestamp, arrives as text",),
    ),
    Fault("truncated file", "app", cut_off, "ingest.events", "retried", ("gz",)),
    Fault(
        "stale file",
        "finance",
        lambda world: rates(world).write_bytes(share(world, datashare.rates_file(TODAY - DAY)).read_bytes()),
        "raw.exchange_rates: every file is of its day",
        "held",
        (str(TODAY),),
    ),
    Fault(
        "tenfold price",
        "shop",
        shop(
            f"update order_items set unit_price = unit_price * 10, discount_amount = discount_amount * 10 where {LINES_OF_TODAY}"
        ),
        "raw.order_items: the mean price is usual",
        "held",
        ("outlier",),
    ),
    Fault(
        "halved volume",
        "shop",
        shop(
            f"delete from order_items where {LINES_OF_TODAY} and abs(hashtext(order_id)) % 2 = 0",
            f"delete from orders where {OF_TODAY} and abs(hashtext(order_id)) % 2 = 0",
        ),
        "raw.orders: the number of orders is usual",
        "held",
        ("outlier",),
    ),
    Fault("silent source", "app", silence, "ingest.events", "retried", ("no file has arrived",)),
    Fault(
        "silent service", "finance", finance(lambda _entries: []), "raw.expenses: every day has expenses", "held", (str(TODAY),)
    ),
    Fault(
        "expense without a rate",
        "finance",
        finance(expense_without_rate),
        "quarantine.expenses: missing_exchange_rate",
        "let through",
    ),
    Fault(
        "order without a product",
        "shop",
        some_lines("product_id = 'P99999'", 12, rest=2),
        "quarantine.order_lines: unknown_product",
        "let through",
    ),
)


# the day's runs

OUTCOMES: dict[type[HeadlineError], str] = {BadData: "held", Transient: "retried", NotEvaluated: "retried"}


def run_of_today(world: World, pipelines: Iterable[str], run_id: str) -> list[Found]:
    """Run pipelines as Airflow would, each as far as it comes, and say what was noticed."""
    found: list[Found] = []
    for pipeline in pipelines:
        run = world.run(pipeline, TODAY, run_id=run_id)
        reads = {name: window for name, window in run.pipeline.inputs.items() if name != "calendar.days"}
        if pipeline not in ("shop", "finance", "app") and missing_inputs(reads, run.requested, Ledger()):
            continue
        found += _run(run)
        found += _noticed(run, world)
    return found


def _run(run: PipelineRun) -> list[Found]:
    failed: list[Found] = []
    stage = ""
    for name, step in steps(run).items():
        if failed and name.partition(".")[0] != stage:
            break
        stage = name.partition(".")[0]
        try:
            step()
        except HeadlineError as error:
            failed.append(Found(name, OUTCOMES[type(error)], str(error)))
    return failed


def _noticed(run: PipelineRun, world: World) -> Iterator[Found]:
    for landing in getattr(run.pipeline, "landed", ()):
        newest = SchemaChanges().newest(landing)
        if newest and newest.changes and newest.run_id == run.run_id and not newest.is_blocking:
            yield Found(f"columns of {landing}", "let through", "; ".join(map(str, newest.changes)))
    tables = [table.full_name for table in run.pipeline.ordered_tables]
    for row in Ledger().latest_audits(tables):
        if row.run_key == run.key and row.outcome in ("failed", "warned"):
            outcome = "held" if row.outcome == "failed" else "let through"
            yield Found(
                f"{row.table_name}: {row.check_name}", outcome, f"{row.sample} {'outlier' if row.kind == 'anomaly' else ''}"
            )
    places = [table.quarantine_name for table in run.pipeline.ordered_tables if table.quarantine and table.period_column]
    of_today = f"where ds = date '{TODAY}' group by quarantine_reason"
    counts = [f"select '{place}', quarantine_reason, count(*) from {place} {of_today}" for place in places]
    for place, reason, count in world.query(" union all ".join(counts)) if counts else ():
        yield Found(f"{place}: {reason}", "let through", f"{count} rows")


def restore(world: World, pristine: World, still_there: Iterable[Fault], sources: Collection[str]) -> None:
    """Mend the sources, those named, except for the faults that are still there."""
    finance_answers.clear()
    if {"finance", "app"} & set(sources):
        rmtree(world.folder / "datashare")
        copytree(pristine.folder / "datashare", world.folder / "datashare")
    if "shop" in sources:
        with closing(psycopg2.connect(host=world.postgres, user="postgres")) as server:
            server.autocommit = True
            cursor = server.cursor()
            cursor.execute(f"drop database shop_{world.name} with (force)")
            cursor.execute(f"create database shop_{world.name} template shop_{pristine.name}")
    for fault in still_there:
        fault.inject(world)
