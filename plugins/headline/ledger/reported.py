"""The issued figures that a report of a month is made of, as they were known at a moment."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from sqlalchemy import text

from headline.intervals import Interval
from headline.ledger.figure_row import ALL, FigureRow
from headline.ledger.store import Store

# Rows of a former name of a metric are its own, as in known_figures.py.
_NAMED = ALL.replace('"metric"', "coalesce(cast(:renamed as jsonb) ->> metric, metric) as metric")
_REPORTED = text(f"""
    with named as (
        select {_NAMED} from issued_figures
        where status = 'issued' and recorded_at <= cast(:moment as timestamptz) and "end" <= :end
    ), told as (
        select *, lag(value) over figure as old, row_number() over figure as number
        from named
        window figure as (partition by metric, segment, start order by id)
    )
    select {ALL}, old, number from told
    where number > 1 or "end" > :start or (start >= :since and "end" - start > 7)
    order by id
""")
_HEAD = text("""
    select hash from issued_figures where recorded_at <= cast(:moment as timestamptz) order by id desc limit 1
""")


@dataclass(frozen=True)
class Reported:
    """An issued row. `number`: 1 for what was reported first. `old`: the value before it, of a later one."""

    row: FigureRow
    old: Decimal | None
    number: int

    @property
    def is_restatement(self) -> bool:
        return self.number > 1 and self.old != self.row.value


class ReportedFigures(Store):
    """Reads of the ledger for a report. Raises Transient when the ledger is out of reach."""

    def of(self, month: Interval, since: date, moment: datetime, names: Mapping[str, str]) -> list[Reported]:
        """The rows issued by a moment, in their order: figures of periods that end in the month, those of months since a day, and
        every restatement of a period that has ended by then.

        `names`: of a metric that was renamed, the name today by the former one.
        """
        asked = {"start": month.start, "end": month.end, "since": since, "moment": moment, "renamed": json.dumps(dict(names))}
        count = len(FigureRow.__dataclass_fields__)
        with self._begin() as connection:
            return [Reported(FigureRow(*row[:count]), *row[count:]) for row in connection.execute(_REPORTED, asked)]

    def head(self, moment: datetime) -> str:
        """The newest hash of the chain at a moment; empty before the first row."""
        with self._begin() as connection:
            return connection.scalar(_HEAD, {"moment": moment}) or ""
