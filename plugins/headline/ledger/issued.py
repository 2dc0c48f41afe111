"""Figures that investors were told: rows that are added and never changed, each with the hash of the one before."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, text

from headline.intervals import Interval
from headline.ledger.store import Store

# What tells a figure from others: its metric, its segment and the first day of its period.
FigureKey = tuple[str, str, date]
# As the trigger of migration 0017 writes a row, told apart from it so that a changed trigger does not verify itself.
_ROW = """
    jsonb_build_array(
        id, pipeline, metric, definition_version, segment, start, "end", cast(value as text), cast(coverage as text), status,
        reason, requester, approver, request_id, run_id, commit, code_version, contract_version, inputs, as_of,
        to_char(recorded_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), previous_hash
    )
"""
_BROKEN = text(f"""
    select id, problem
    from (
        select
            id,
            case
                when id <> row_number() over (order by id) then 'rows before it are missing'
                when previous_hash <> lag(hash, 1, repeat('0', 64)) over (order by id) then 'it does not follow the row before it'
                when hash <> encode(sha256(convert_to(cast({_ROW} as text), 'UTF8')), 'hex') then 'it was changed'
            end as problem
        from issued_figures
    ) as checked
    where problem is not null
    order by id
    limit 20
""")
_HEAD = text("select id, hash from issued_figures order by id desc limit 1")
_ANCHORED = text("select 1 from issued_figures where starts_with(hash, :anchor) and length(:anchor) >= 12 limit 1")
_FIELDS = (
    *("pipeline", "metric", "definition_version", "segment", "start", "end", "value", "coverage", "status", "reason"),
    *("requester", "approver", "request_id", "run_id", "commit", "code_version", "contract_version", "inputs", "as_of"),
)
_LISTED = ", ".join(f'"{name}"' for name in _FIELDS)
_RECORD = text(f"""
    insert into issued_figures ({_LISTED})
    select {_LISTED}
    from jsonb_to_recordset(cast(:rows as jsonb)) as figures (
        pipeline text, metric text, definition_version text, segment text, start date, "end" date, value numeric,
        coverage numeric, status text, reason text, requester text, approver text, request_id bigint, run_id text,
        commit text, code_version text, contract_version text, inputs text, as_of bigint
    )
""")
_READS = {
    "first": "figures_as_first_reported",
    "recent": "figures_most_recent",
    "as_of": "figures_as_of(cast(:moment as timestamptz))",
}


@dataclass(frozen=True)
class FigureRow:
    """One row: the value of a metric, or of a segment of it, for a period.

    `value`: None where it is not defined. `inputs`: hash of the input periods; inputs up to version `as_of` are in it.
    """

    pipeline: str
    metric: str
    definition_version: str
    segment: str
    start: date
    end: date
    value: Decimal | None
    coverage: Decimal
    status: str
    reason: str
    run_id: str
    commit: str
    code_version: str
    contract_version: str
    inputs: str
    as_of: int
    requester: str | None = None
    approver: str | None = None
    request_id: int | None = None
    recorded_at: datetime | None = None
    id: int = 0
    hash: str = ""

    @property
    def key(self) -> FigureKey:
        return self.metric, self.segment, self.start

    @property
    def interval(self) -> Interval:
        return Interval(self.start, self.end)

    @property
    def told(self) -> tuple[object, ...]:
        """What is new to a reader where it differs."""
        return self.value, self.coverage, self.definition_version

    def to_json(self) -> dict[str, Any]:
        """What can be recorded of it; every number as text, so that it stays exact."""
        return {name: value if value is None else str(value) for name, value in asdict(self).items() if name in _FIELDS}

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> FigureRow:
        """As `to_json` has written it."""
        found = {name: said[name] for name in _FIELDS if name in said}
        found |= {name: date.fromisoformat(said[name]) for name in ("start", "end")}
        found |= {name: None if said[name] is None else Decimal(said[name]) for name in ("value", "coverage")}
        found |= {name: None if said[name] is None else int(said[name]) for name in ("request_id", "as_of")}
        return cls(**found)


_ALL = ", ".join(f'"{name}"' for name in FigureRow.__dataclass_fields__)
_KNOWN = text(f"""
    with mine as materialized (
        select * from issued_figures where pipeline = :pipeline and start = any(cast(:starts as date[]))
    )
    select * from (
        select distinct on (metric, segment, start) 'newest' as what, {_ALL} from mine where status <> 'approved'
        order by metric, segment, start, id desc
    ) as newest
    union all
    select * from (
        select distinct on (metric, segment, start) 'issued' as what, {_ALL} from mine where status = 'issued'
        order by metric, segment, start, id desc
    ) as issued
    union all
    select * from (
        select distinct on (metric, segment, start) 'agreed' as what, {_ALL} from mine
        where status = 'issued' and request_id is not null
        order by metric, segment, start, id desc
    ) as agreed
""")
_ISSUED_SINCE = text("""
    select exists (
        select from issued_figures
        where pipeline = :pipeline and start = any(cast(:starts as date[])) and id > :newest and status = 'issued'
    )
""")
_DRAFTS = f"""
    (
        select distinct on (metric, segment, start) {_ALL} from issued_figures
        where status in ('draft', 'issued') order by metric, segment, start, id desc
    ) as figures
"""


@dataclass(frozen=True)
class Known:
    """What is recorded of figures, by key: the newest draft or issued row, the newest issued one, and the newest approved one."""

    newest: Mapping[FigureKey, FigureRow]
    issued: Mapping[FigureKey, FigureRow]
    agreed: Mapping[FigureKey, FigureRow]


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

    def known(self, pipeline: str, starts: Iterable[date]) -> Known:
        """What is recorded of a pipeline's figures whose periods begin on these days."""
        with self._begin() as connection:
            return known(connection, pipeline, starts)

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
        query = text(f"select {_ALL} from {of_what} where {conditions} order by metric, segment, start")
        with self._begin() as connection:
            return [FigureRow(*row) for row in connection.execute(query, {**of, **more})]


def record(connection: Connection, rows: Sequence[FigureRow]) -> None:
    """Add rows, in this order, within a transaction."""
    if rows:
        connection.execute(_RECORD, {"rows": json.dumps([row.to_json() for row in rows])})


def known(connection: Connection, pipeline: str, starts: Iterable[date]) -> Known:
    """As IssuedFigures.known, within a transaction."""
    found: dict[str, dict[FigureKey, FigureRow]] = {"newest": {}, "issued": {}, "agreed": {}}
    for what, *row in connection.execute(_KNOWN, {"pipeline": pipeline, "starts": sorted(set(starts))}):
        figure = FigureRow(*row)
        found[what][figure.key] = figure
    return Known(**found)


def issued_since(connection: Connection, pipeline: str, starts: Iterable[date], newest: int) -> bool:
    """Whether a figure whose period begins on one of these days was issued after the row `newest`."""
    asked = {"pipeline": pipeline, "starts": sorted(set(starts)), "newest": newest}
    return bool(connection.scalar(_ISSUED_SINCE, asked))
