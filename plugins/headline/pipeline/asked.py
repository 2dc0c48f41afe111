"""What the audit of a staging table asks, known before it: an engine on which each statement has its price answers it at once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from headline.intervals import Interval
from headline.ledger import Load
from headline.pipeline.landed import landed, money_taken_over
from headline.pipeline.names import resolutions
from headline.pipeline.run import PipelineRun
from headline.pipeline.verify import Staged, statements
from headline.specs import Table, Window, load_contract
from headline.sql import tables_in_checks
from headline.warehouse import Staging


def to_verify(
    run: PipelineRun, table: Table, intervals: list[Interval], computed: Mapping[str, list[Interval]], session: Staging
) -> Staged:
    """A staging table as the audit verifies it: names in the SQL of checks are resolved as in its SELECT.

    `computed`: the days of each table that the run has staged.
    """
    reads = {name: table.reads.get(name, Window()) for name in sorted(tables_in_checks(table))}
    loads = landed(run, reads, intervals)
    names = resolutions(run, reads, computed, session, json.dumps(load_contract(table).content, default=str), loads)
    return Staged(table, session.staging_name(table.full_name), intervals, names)


def asked_of(
    run: PipelineRun,
    table: Table,
    intervals: list[Interval],
    computed: Mapping[str, list[Interval]],
    loads: Mapping[str, Sequence[Load]],
    session: Staging,
) -> list[str]:
    """Statements that will be asked of a staging table if nothing comes in between. Another text of one is another statement."""
    known = {**computed, table.full_name: intervals}
    audited = statements(to_verify(run, table, intervals, known, session), session, run.warehouse.dialect)
    money = money_taken_over(run, table, loads, session)
    return [*audited, money.sql] if money else audited
