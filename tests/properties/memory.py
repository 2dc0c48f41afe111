"""A warehouse in memory for SELECTs that are run on their own, with tables of the repository."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from headline.rules import golden
from headline.rules.golden import make_output
from headline.specs import load
from headline.warehouse import Output, Session

__all__ = ["make_output", "open_in_memory"]


@contextmanager
def open_in_memory(tables: Iterable[str] = ()) -> Iterator[Session]:
    """A session in which these tables are there, empty, as their contracts say."""
    with golden.open_in_memory() as session:
        for name in tables:
            make_output(Output(name, load().table(name)), session)
        yield session
