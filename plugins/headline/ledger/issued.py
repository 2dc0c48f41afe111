"""Figures issued to investors: rows that are added and never changed, each with the hash of the one before."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import Connection, text

from headline.ledger.figure_row import ALL, FIELDS, FigureRow
from headline.ledger.known_figures import IssuedMetric, Known, issued_metrics, known
from headline.ledger.store import Store

# As the trigger of migration 0019 writes a row, told apart from it so that a changed trigger does not verify itself.
_ROW = """
    jsonb_build_array(
        id, pipeline, metric, definition_version, segment, start, "end", cast(value as text), cast(coverage as text), status,
        reason, requester, approver, request_id, run_id, commit, code_version, contract_version, inputs, as_of,
        to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), previous_hash
    )
    -- Rows from before migration 0019 have no limit, and were hashed without it.
    || case when materiality is null then cast('[]' as jsonb) else jsonb_build_array(materiality) end
"""
_BROKEN = text(f"""
    select id, problem
    from (
        select
            id,
            case
                when id <> row_number() over (order by id) then 'rows before it are missing'
                when previous_hash <> lag(hash, 1, repeat('0', 64)) over (order by id) then 'it does not follow the row before it'
                when hash <> encode(sha256(convert_to(cast(({_ROW}) as text), 'UTF8')), 'hex') then 'it was changed'
            end as problem
        from issued_figures
    ) as checked
    where problem is not null
    order by id
    limit 20
""")
_HEAD = text("select id, hash from issued_figures order by id desc limit 1")
_ANCHORED = text("select 1 from issued_figures where starts_with(hash, :anchor) and length(:anchor) >= 12 limit 1")
_LISTED = ", ".join(f'"{name}"' for name in FIELDS)
_RECORD = text(f"""
    insert into issued_figures ({_LISTED})
    select {_LISTED}
    from jsonb_to_recordset(cast(:rows as jsonb)) as figures (
        pipeline text, metric text, definition_version text, segment text, start date, "end" date, value numeric,
        coverage numeric, status text, reason text, requester text, approver text, request_id bigint, run_id text,
        commit text, code_version text, contract_version text, inputs text, as_of bigint, materiality text
    )
""")
_READS = {
    "first": "figures_as_first_reported",
    "recent": "figures_most_recent",
    "as_of": "figures_as_of(cast(:moment as timestamptz))",
}
_DRAFTS = f"""
    (
        select distinct on (metric, segment, start) {ALL} from issued_figures
        where status in ('draft', 'issued') order by metric, segment, start, id desc
    ) as figures
"""


@dataclass(frozen=True)
class Chain:
    """What a verification has found: `head` is the newest hash, `broken` the first rows that are not as they were written."""

    count: int
    head: str
    broken: Sequence[tuple[int, str]]
    unknown_anchors: Sequence[str]


class IssuedFigures(Store):
    """Reads and writes of issued figures. Raises Transient when the ledger is out of reach."""

    def record(self, rows: Sequence[FigureRow]) -> None:
        """Add rows, in this order, at the end of the chain."""
        with self._begin() as connection:
            record(connection, rows)

    def known(self, metrics: Mapping[str, Iterable[str]], starts: Iterable[date]) -> Known:
        """What is recorded of metrics (by name, with their former names) whose periods begin on these days."""
        with self._begin() as connection:
            return known(connection, metrics, starts)

    def metrics(self) -> list[IssuedMetric]:
        """Every metric of which a figure was ever issued, once for each pipeline that has issued it."""
        with self._begin() as connection:
            return issued_metrics(connection)

    def as_first_reported(self, **of: str) -> list[FigureRow]:
        """Of each figure the first value that was issued. `of`: metric, pipeline or segment, all where not given."""
        return self._read(_READS["first"], of)

    def most_recent(self, **of: str) -> list[FigureRow]:
        """Of each figure the value that was issued last."""
        return self._read(_READS["recent"], of)

    def as_of(self, moment: datetime, **of: str) -> list[FigureRow]:
        """Of each figure the value that was the newest issued one at a moment."""
        return self._read(_READS["as_of"], of, moment=moment)

    def with_drafts(self, **of: str) -> list[FigureRow]:
        """Of each figure the newest value, issued or still a draft."""
        return self._read(_DRAFTS, of)

    def history(self, **of: str) -> list[FigureRow]:
        """Every row, in the order in which they were recorded."""
        return sorted(self._read("issued_figures", of), key=lambda row: row.id)

    def verify(self, anchors: Iterable[str] = ()) -> Chain:
        """Compute the chain again. `anchors`: heads, or their beginnings, that somebody has kept outside; each must be in it."""
        with self._begin() as connection:
            count = connection.scalar(text("select count(*) from issued_figures")) or 0
            broken = [(row.id, row.problem) for row in connection.execute(_BROKEN)]
            unknown = [anchor for anchor in anchors if not connection.scalar(_ANCHORED, {"anchor": anchor})]
            head = connection.execute(_HEAD).first()
        return Chain(count, head.hash if head else "", broken, unknown)

    def head(self) -> str:
        """The newest hash of the chain; empty before the first row."""
        with self._begin() as connection:
            row = connection.execute(_HEAD).first()
        return row.hash if row else ""

    def _read(self, of_what: str, of: Mapping[str, str], **more: object) -> list[FigureRow]:
        conditions = " and ".join(f"{name} = :{name}" for name in of) or "true"
        query = text(f"select {ALL} from {of_what} where {conditions} order by metric, segment, start")
        with self._begin() as connection:
            return [FigureRow(*row) for row in connection.execute(query, {**of, **more})]


def record(connection: Connection, rows: Sequence[FigureRow]) -> None:
    """Add rows, in this order, within a transaction."""
    if rows:
        connection.execute(_RECORD, {"rows": json.dumps([row.to_json() for row in rows])})
