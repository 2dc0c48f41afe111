"""One run of one pipeline: every table is written to a staging table and audited, then all are published together."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sqlalchemy import text

from headline.intervals import Interval
from headline.ledger.engine import engine
from headline.steps.audit import audit
from headline.steps.publish import publish
from headline.steps.run import PipelineRun
from headline.steps.transform import transform


@dataclass(frozen=True)
class TableRun:
    """What one run did with one table so far.

    `state`: transforming, transformed, auditing, passed, publishing or published. `checks`: the outcome of each check, by its
    path and name. `seconds`: by step (transform, audit, publish; all tables of a pipeline are published together).
    `published`: the periods that the run replaced, as text.
    """

    table: str
    intervals: list[Interval] = field(default_factory=list)
    compiled_sql: str = ""
    row_count: int = 0
    checks: dict[str, str] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    published: list[str] = field(default_factory=list)
    state: str = ""


def write_audit_publish(run: PipelineRun, report: Callable[[TableRun], None] = lambda _: None) -> list[TableRun]:
    """Transform and audit every table of the pipeline in order, then publish all of them.

    `report` hears of every step of a table, when it begins and when it has ended. Raises what the steps raise.
    """
    done: dict[str, TableRun] = {}

    def tell(one: TableRun) -> None:
        done[one.table] = one
        report(one)

    for table in run.pipeline.ordered_tables:
        one = TableRun(table.full_name, state="transforming")
        tell(one)
        began = time.monotonic()
        transformed = transform(run, table)
        one = replace(
            one,
            intervals=transformed.intervals,
            compiled_sql=transformed.compiled_sql,
            row_count=transformed.row_count,
            seconds={"transform": time.monotonic() - began},
            state="transformed",
        )
        tell(one)
    for one in list(done.values()):
        tell(replace(one, state="auditing"))
        began = time.monotonic()
        results = audit(run, run.pipeline.outputs[one.table])
        checks = {f"{result.path}: {result.name}": result.outcome for result in results}
        tell(replace(one, checks=checks, seconds=one.seconds | {"audit": time.monotonic() - began}, state="passed"))
    for one in list(done.values()):
        tell(replace(one, state="publishing"))
    began = time.monotonic()
    published = publish(run)
    _notify(run)
    seconds = time.monotonic() - began
    for one in list(done.values()):
        replaced = [f"{each.interval} {each.status}" for each in published if each.table == one.table]
        tell(replace(one, published=replaced, seconds=one.seconds | {"publish": seconds}, state="published"))
    return list(done.values())


def _notify(run: PipelineRun) -> None:
    """Wake the runs that wait for these tables."""
    with engine().begin() as connection:
        for table in run.pipeline.ordered_tables:
            connection.execute(text("select pg_notify('headline', :table)"), {"table": table.full_name})
