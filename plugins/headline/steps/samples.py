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
    try:
        return rows(query, session, dialect, limit=SIZE)
    except HeadlineError as error:
        log.warning("The rows that a check found cannot be shown: %s", error)
        return []


def rows(query: exp.Query, session: Session, dialect: str, limit: int | None = None) -> list[Sample]:
    """The rows of the query in order, their values as text."""
    columns = range(1, len(query.selects) + 1)
    ordered = exp.select("*").from_(query.subquery("found")).order_by(*map(str, columns))
    found = session.query(write(ordered.limit(limit) if limit else ordered, dialect))
    return [{name: _text(value) for name, value in zip(found.columns, row, strict=True)} for row in found.rows]


def shown(sample: Sequence[Sample]) -> str:
    """The first of the rows in one line; empty where there are none."""
    texts = [", ".join(f"{name} {'NULL' if value is None else value}" for name, value in row.items()) for row in sample[:_SHOWN]]
    return "; ".join(texts + (["…"] if len(sample) > _SHOWN else []))


def _text(value: object) -> str | None:
    return None if value is None else str(value)[:_TEXT]
