"""Who may do what in the ledger: the migrator owns it, the writer adds to it, the reader reads it."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

from headline.ledger.tables import metadata

WRITER = "ledger_writer"
READER = "ledger_reader"


def history() -> list[str]:
    """The tables whose rows are added and never changed; a trigger refuses everything else, to their owner too."""
    return [table.name for table in metadata.sorted_tables if table.info.get("history")]


def current() -> list[str]:
    """The tables that hold how things are now."""
    return [table.name for table in metadata.sorted_tables if not table.info.get("history")]


def grant(connection: Connection) -> None:
    """Give the writer and the reader their rights, where the server has these roles; again is safe.

    Where one login does everything there are no such roles, and the triggers alone protect history.
    """
    present = set(
        connection.scalars(text("select rolname from pg_roles where rolname = any(:names)"), {"names": [WRITER, READER]})
    )
    for role in sorted(present):
        for statement in _statements(role):
            connection.exec_driver_sql(statement)


def _statements(role: str) -> Iterator[str]:
    yield f"grant select on all tables in schema public to {role}"
    if role == WRITER:
        yield f"grant insert on {', '.join(history())} to {role}"
        yield f"grant insert, update, delete on {', '.join(current())} to {role}"
        # The only ways in which history changes, each with a record of its own.
        yield f"grant execute on function replace_in_history(text, text), forget_audits(integer) to {role}"
        yield f"grant usage on all sequences in schema public to {role}"
