"""Which rows a check found fault with: a few of them by their keys, enough to look them up."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

from sqlglot import exp

from headline.errors import HeadlineError
from headline.intervals import in_few_words
from headline.ledger import Sample
from headline.ledger.figures import PERIODS
from headline.sql import write
from headline.warehouse import Session

log = logging.getLogger(__name__)

SIZE = 20
_SHOWN = 3
_TEXT = 100


class Select(NamedTuple):
    """A SELECT in the dialect of the engine, and how many columns it gives."""

    text: str
    width: int

    @classmethod
    def of(cls, query: exp.Query, dialect: str) -> Select:
        width = len(query.selects)
        return cls(write(query, dialect), width)

    def where(self, condition: str) -> Select:
        """Those of its rows for which a condition holds."""
        return self._replace(text=f"select * from (\n{self.text}\n) as found where {condition}")


def sample(select: Select, session: Session) -> list[Sample]:
    """Up to 20 rows of a SELECT in order, their values as text; none where it cannot run, since the verdict stands without."""
    try:
        return rows(select, session, limit=SIZE)
    except HeadlineError as error:
        log.warning("The rows that a check found cannot be shown: %s", error)
        return []


def rows(select: Select, session: Session, limit: int | None = None) -> list[Sample]:
    """The rows of a SELECT in order, their values as text."""
    order = ", ".join(map(str, range(1, select.width + 1)))
    end = f" limit {limit}" if limit else ""
    found = session.query(f"select * from (\n{select.text}\n) as found order by {order}{end}")
    return [{name: _text(value) for name, value in zip(found.columns, row, strict=True)} for row in found.rows]


def found_on(found: Sequence[Sample], select: Select, session: Session) -> str:
    """The days (weeks, months) of the rows that a check found, in words; empty where they name none.

    `found`: its rows, up to 20 of them. Where there may be more the engine is asked.
    """
    column = next((name for name in PERIODS if found and name in found[0]), "")
    if not column:
        return ""
    try:
        told = [row[column] for row in found]
        if len(found) == SIZE:
            told = [_text(day) for (day,) in session.query(f"select distinct {column} from (\n{select.text}\n) as found").rows]
        days = sorted({date.fromisoformat(day) for day in told if day})
    except (HeadlineError, ValueError) as error:
        log.warning("The days of the rows that a check found cannot be shown: %s", error)
        return ""
    if column == "ds":
        return in_few_words(days)
    shown = ", ".join(str(day) for day in days[:_SHOWN]) + (", …" if len(days) > _SHOWN else "")
    return f"{len(days)} {column}{'s' if len(days) > 1 else ''} from {shown}" if days else ""


def shown(sample: Sequence[Sample]) -> str:
    """The first of the rows in one line; empty where there are none."""
    texts = [", ".join(f"{name} {'NULL' if value is None else value}" for name, value in row.items()) for row in sample[:_SHOWN]]
    return "; ".join(texts + (["…"] if len(sample) > _SHOWN else []))


def _text(value: object) -> str | None:
    return None if value is None else str(value)[:_TEXT]
