"""Who may do what in the ledger: the migrator owns it, the writer adds to it, the reader reads it, the eraser erases a person."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, text

from headline.ledger.tables import metadata

WRITER = "ledger_writer"
READER = "ledger_reader"
ERASER = "ledger_eraser"
# Whom nobody is to make up, forget or bring back.
ERASED = "erasure"


def history() -> list[str]:
    """The tables whose rows are added and never changed; a trigger refuses everything else, to their owner too."""
    return [table.name for table in metadata.sorted_tables if table.info.get("history")]


def current() -> list[str]:
    """The tables that hold how things are now."""
    return [table.name for table in metadata.sorted_tables if not table.info.get("history")]


def grant(connection: Connection) -> None:
    """Give writer, reader and eraser their rights, where the server has these roles; again is safe.

    Where one login does everything there are no such roles, and the triggers alone protect history. Whoever does not own the
    tables has no rights to give.
    """
    if not connection.scalar(text("select pg_has_role(relowner, 'usage') from pg_class where oid = to_regclass('load')")):
        return
    present = set(
        connection.scalars(text("select rolname from pg_roles where rolname = any(:names)"), {"names": [WRITER, READER, ERASER]})
    )
    for role in sorted(present):
        for statement in _statements(role):
            connection.exec_driver_sql(statement)


def _statements(role: str) -> Iterator[str]:
    yield f"grant select on all tables in schema public to {role}"
    if role == READER:
        return
    yield f"grant insert on {', '.join(history())} to {role}"
    yield f"grant insert, update, delete on {', '.join(name for name in current() if name != ERASED)} to {role}"
    yield f"grant usage on all sequences in schema public to {role}"
    # Two functions are the only ways in which history changes. Tasks are the writer, and erase nobody.
    if role == WRITER:
        yield f"grant execute on function forget_audits(integer) to {role}"
        yield f"revoke execute on function replace_in_history(text, text) from {role}"
        yield f"revoke insert, update, delete on {ERASED} from {role}"
    else:
        yield f"grant execute on function replace_in_history(text, text) to {role}"
        yield f"grant insert, update on {ERASED} to {role}"
