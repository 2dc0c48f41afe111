from collections.abc import Callable, Iterator
from contextlib import closing
from uuid import uuid4

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812

from headline.demo.company import Company


@pytest.fixture(scope="session")
def company() -> Company:
    """A company with a tenth of the lines, and enough blemishes and late orders to meet each kind within a few days."""
    return Company(lines_on_first_day=180, late_share=0.05, blemish_share=0.05)


@pytest.fixture(scope="module")
def new_database(postgres: str) -> Iterator[Callable[[], Connection]]:
    """Connect to a new, empty database each time it is called."""
    opened: list[Connection] = []

    def connect() -> Connection:
        name = f"shop_{uuid4().hex}"
        with closing(psycopg2.connect(host=postgres, user="postgres")) as server:
            server.autocommit = True
            server.cursor().execute(f"create database {name}")
        opened.append(psycopg2.connect(host=postgres, user="postgres", dbname=name))
        return opened[-1]

    yield connect
    for connection in opened:
        connection.close()
