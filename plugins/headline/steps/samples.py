"""Which rows a check found fault with: a few of them by their keys, enough to look them up."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from sqlglot import exp

from headline.errors import HeadlineError
from headline.ledger import Sample
from headline.sql import write
from headline.warehouse import Session

log = logging.getLogger(__name__)

SIZE = 20
_SHOWN = 3
_TEXT = 100


def sample(query: exp.Query, session: Session, dialect: str) -> list[Sample]:
    """Up to 20 rows of the query in order, their values as text; none where it cannot run, since the verdict stands without."""
    columns = range(1, len(query.selects) + 1)
    some = exp.select("*").from_(query.subquery("found")).order_by(*map(str, columns)).limit(SIZE)
    try:
        found = session.query(write(some, dialect))
    except HeadlineError as error:
        log.warning("The rows that a check found cannot be shown: %s", error)
        return []
    return [{name: _text(value) for name, value in zip(found.columns, row, strict=True)} for row in found.rows]


def shown(rows: Sequence[Sample]) -> str:
    """The first of the rows in one line; empty where there are none."""
    texts = [", ".join(f"{name} {'NULL' if value is None else value}" for name, value in row.items()) for row in rows[:_SHOWN]]
    return "; ".join(texts + (["…"] if len(rows) > _SHOWN else []))


def _text(value: object) -> str | None:
    return None if value is None else str(value)[:_TEXT]
