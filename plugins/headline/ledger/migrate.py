"""Bring the ledger's schema up to date, or say whether it is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from headline.ledger.engine import CONNECTION, engine
from headline.ledger.rights import grant
from headline.ledger.tables import metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection

# Set-up alone has it; a deployment whose one login does everything migrates with that.
MIGRATOR = "headline_ledger_migrator"


def migrate(conn_id: str = CONNECTION) -> None:
    """Upgrade the ledger to the newest schema and give its roles their rights; again = nothing happens."""
    with engine(conn_id).begin() as connection:
        upgrade(connection)


def upgrade(connection: Connection) -> None:
    """The same within a transaction."""
    from alembic import command  # few of those who use the ledger migrate it

    command.upgrade(_config(connection), "head")
    grant(connection)


def downgrade_to(connection: Connection, revision: str) -> None:
    """Take the schema back to what it was at a revision, within a transaction."""
    from alembic import command

    command.downgrade(_config(connection), revision)


def head() -> str:
    """The newest revision that the code knows."""
    return str(_script().get_current_head())


def is_revision(revision: str) -> bool:
    """Whether the code knows a revision."""
    return revision in {one.revision for one in _script().walk_revisions()}


def differences(conn_id: str = CONNECTION) -> list[object]:
    """What the migrated schema and tables.py disagree on; empty when the migrations are complete."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with engine(conn_id).connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))


def _script() -> Any:
    from alembic.script import ScriptDirectory

    return ScriptDirectory.from_config(_config(None))


def _config(connection: Connection | None) -> Any:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config
