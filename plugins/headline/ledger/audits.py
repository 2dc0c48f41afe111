"""The outcome of every check of every audit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sqlalchemy import and_, func, literal_column, select, text

from headline.ledger import tables
from headline.ledger.staging import StagingTable
from headline.ledger.store import Store

# The key of a row that a check found, column by column as text, with what the check says of it.
Sample = dict[str, str | None]
_RECORD_AUDIT = text("""
    with told as (
        insert into audit (
            run_key, run_id, table_name, check_path, check_name, check_type, outcome, measured, threshold, kind, sample
        )
        select :run_key, :run_id, :table, path, name, type, outcome, measured, threshold, kind, sample
        from jsonb_to_recordset(cast(:results as jsonb)) as results (
            path text, name text, type text, outcome text, measured numeric, threshold text, kind text, sample jsonb
        )
    )
    update staging_table set state = :verdict, updated_at = now() where run_key = :run_key and table_name = :table
""")


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check: passed, warned, insufficient_history, waived, failed or not_evaluated.

    `kind`: which of the five kinds of check it is. `sample`: the keys of up to 20 rows that it found, never personal data.
    `found_on`: the days (weeks, months) of all rows that it found, in words; empty where they name none.
    """

    path: str
    name: str
    type: str
    outcome: str
    measured: Decimal | None
    threshold: str
    kind: str = "schema"
    sample: list[Sample] = field(default_factory=list)
    found_on: str = ""


class Audits(Store):
    """All reads and writes of audits."""

    def record_audit(self, staging_table: StagingTable, results: Sequence[CheckResult], verdict: str) -> None:
        """Remember every check's outcome and the verdict over the staging table, together."""
        told = [{**vars(result), "measured": None if result.measured is None else str(result.measured)} for result in results]
        run = {"run_key": staging_table.run_key, "run_id": staging_table.run_id, "table": staging_table.table, "verdict": verdict}
        with self._begin() as connection:
            connection.execute(_RECORD_AUDIT, {**run, "results": json.dumps(told)})

    def latest_audits(self, table_names: Iterable[str] | None = None) -> list[Any]:
        """Every check's result of the newest audit of each table, of all without names, as rows of the table `audit`."""
        columns = tables.audit.c
        names = text("(select distinct table_name as name from audit) as names")
        if table_names is not None:
            names = text("unnest(cast(:names as text[])) as names (name)").bindparams(names=sorted(table_names))
        newest = select(func.max(columns.audited_at)).where(columns.table_name == text("names.name")).scalar_subquery()
        audited = select(literal_column("names.name").label("name"), newest.label("at")).select_from(names).subquery()
        named = and_(columns.table_name == audited.c.name, columns.audited_at == audited.c.at)
        with self._begin() as connection:
            return list(connection.execute(select(tables.audit).join(audited, named).order_by(columns.table_name, columns.id)))

    def failed_checks(self, kind: str, table_names: Iterable[str]) -> list[Any]:
        """Every check of a kind that failed in any audit of these tables, oldest first, as rows of the table `audit`."""
        columns = tables.audit.c
        failed = and_(columns.kind == kind, columns.outcome == "failed", columns.table_name.in_(list(table_names)))
        with self._begin() as connection:
            return list(connection.execute(select(tables.audit).where(failed).order_by(columns.id)).all())

    def was_audited(self, table: str, run: str) -> bool:
        """Whether a run whose id or key begins so was ever audited for the table, however long ago."""
        columns = tables.audit.c
        begins = columns.run_id.startswith(run, autoescape=True) | columns.run_key.startswith(run, autoescape=True)
        with self._begin() as connection:
            return connection.scalar(select(columns.id).where(columns.table_name == table, begins).limit(1)) is not None
