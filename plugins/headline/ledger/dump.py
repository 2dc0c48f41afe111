"""The ledger as files and back again: a table each as gzipped CSV, which any version of PostgreSQL can read."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError

from headline.errors import BadRequest
from headline.ledger.engine import CONNECTION, engine, unreachable
from headline.ledger.migrate import downgrade_to, head, is_revision, upgrade
from headline.ledger.tables import metadata

# What the dump says of itself: the revision of its tables, and how far the sequence of versions is.
ABOUT = "about.json"
# Where the ledger names files that landed.
ADDRESSES = ("load", "held_day", "schema_change")
_TABLES = "select tablename from pg_tables where schemaname = current_schema() and tablename <> 'alembic_version'"
# From the view, because the writer may use the sequence but not read it.
_VERSION = "select coalesce(last_value, 1) from pg_sequences where schemaname = current_schema() and sequencename = 'version'"
_SERIALS = text("""
    with mine as materialized (
        select relname as table_name, attname as column_name
        from pg_attribute
        inner join pg_class on attrelid = pg_class.oid
        where relkind = 'r' and relnamespace = current_schema()::regnamespace and attnum > 0 and not attisdropped
    )
    select table_name, column_name from mine where pg_get_serial_sequence(quote_ident(table_name), column_name) is not null
""")


@dataclass(frozen=True)
class Snapshot:
    """The ledger as it was at one moment, however long it takes to write it down."""

    _connection: Connection

    def write(self, folder: Path) -> None:
        """Write all of it into a local folder."""
        folder.mkdir(parents=True, exist_ok=True)
        revision = self._connection.scalar(text("select version_num from alembic_version"))
        for name in _table_names(self._connection):
            with gzip.open(folder / f"{name}.csv.gz", "wb", compresslevel=3) as file:
                _cursor(self._connection).copy_expert(f'copy "{name}" to stdout with (format csv, header)', file)
        version = self._connection.scalar(text(_VERSION))
        (folder / ABOUT).write_text(json.dumps({"revision": revision, "version": version}))


@contextmanager
def snapshot(conn_id: str = CONNECTION) -> Iterator[Snapshot]:
    """The ledger as it is now, until it is left; nobody waits for it. Raises Transient when the ledger is out of reach."""
    try:
        with engine(conn_id).connect().execution_options(isolation_level="REPEATABLE READ") as connection:
            connection.execute(text("select 1 from alembic_version"))  # the moment
            yield Snapshot(connection)
    except OperationalError as error:
        raise unreachable(conn_id, error.orig or error) from error


def is_empty(conn_id: str = CONNECTION) -> bool:
    """Whether nothing has landed or was published."""
    with engine(conn_id).begin() as connection:
        query = "select not exists (select from load) and not exists (select from publication)"
        return bool(connection.scalar(text(query)))


def load(folder: Path, moved: Mapping[str, str], conn_id: str = CONNECTION) -> None:
    """Let what a folder holds take the place of all that the ledger knows, in one transaction; the tables are as the code wants.

    `moved`: where landed files are now, by the beginning of their address as it was. `conn_id`: the login of the tables' owner.
    Raises BadRequest where a newer version of the code wrote the folder.
    """
    about = json.loads((folder / ABOUT).read_text())
    if not is_revision(about["revision"]):
        raise BadRequest(
            f"the ledger was written by a newer version of Headline (revision {about['revision']}, this one knows {head()}): "
            "install that version first"
        )
    with engine(conn_id).begin() as connection:
        upgrade(connection)
        names = _table_names(connection)
        # Its history is protected against everybody, but a restored one is another history.
        _for_each(connection, names, 'alter table "{}" disable trigger user')
        connection.execute(text(f"truncate {', '.join(_quoted(names))}"))
        downgrade_to(connection, about["revision"])
        for name in _table_names(connection):
            _read(connection, folder / f"{name}.csv.gz", name)
        for before, now in moved.items():
            for name in ADDRESSES:
                statement = f"update {name} set file = :now || substr(file, length(:before) + 1) where starts_with(file, :before)"
                connection.execute(text(statement), {"before": before, "now": now})
        connection.execute(text("select setval('version', :version)"), {"version": about["version"]})
        for table, column in connection.execute(_SERIALS).all():
            connection.execute(text(f"select setval(pg_get_serial_sequence('{table}', '{column}'), max({column})) from {table}"))
        upgrade(connection)
        _for_each(connection, _table_names(connection), 'alter table "{}" enable trigger user')


def _table_names(connection: Connection) -> list[str]:
    """Every table, each after those that it refers to."""
    order = [table.name for table in metadata.sorted_tables]
    names = connection.scalars(text(_TABLES)).all()
    return sorted(names, key=lambda name: (order.index(name) if name in order else len(order), name))


def _for_each(connection: Connection, names: list[str], statement: str) -> None:
    for name in names:
        connection.execute(text(statement.format(name)))


def _read(connection: Connection, file: Path, name: str) -> None:
    """Fill a table from its file, column by name; what a dump does not have stays empty."""
    if not file.exists():
        return
    with gzip.open(file, "rb") as rows:
        columns = rows.readline().decode().strip().split(",")
        _cursor(connection).copy_expert(f'copy "{name}" ({", ".join(_quoted(columns))}) from stdin with (format csv)', rows)


def _quoted(names: list[str]) -> list[str]:
    return [f'"{name.strip(chr(34))}"' for name in names]


def _cursor(connection: Connection) -> Any:
    driver: Any = connection.connection.driver_connection
    return driver.cursor()
