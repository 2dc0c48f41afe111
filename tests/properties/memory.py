"""A warehouse in memory for SELECTs that are run on their own, with tables of the repository."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from headline.rules import golden
from headline.rules.golden import make_output
from headline.specs import load
from headline.warehouse import Output, Session

__all__ = ["insert", "make_output", "open_in_memory"]


@contextmanager
def open_in_memory(tables: Iterable[str] = ()) -> Iterator[Session]:
    """A session in which these tables are there, empty, as their contracts say."""
    with golden.open_in_memory() as session:
        for name in tables:
            make_output(Output(name, load().table(name)), session)
        yield session


def insert(session: Session, table: str, rows: Sequence[Mapping[str, Any]], where: str = "true") -> None:
    """These rows in place of those that are there, or of some; all have the columns of the first."""
    session.query(f"delete from {table} where {where}")
    values = [", ".join("null" if row[name] is None else f"'{row[name]}'" for name in rows[0]) for row in rows]
    if rows:
        session.query(f"insert into {table} ({', '.join(rows[0])}) values ({'), ('.join(values)})")
