"""Bring the ledger's schema up to date, or say whether it is."""

from __future__ import annotations

from pathlib import Path

from headline.ledger.engine import CONNECTION, engine
from headline.ledger.rights import grant
from headline.ledger.tables import metadata

# Set-up alone has it; a deployment whose one login does everything migrates with that.
MIGRATOR = "headline_ledger_migrator"


def migrate(conn_id: str = CONNECTION) -> None:
    """Upgrade the ledger to the newest schema and give its roles their rights; again = nothing happens."""
    from alembic import command  # few of those who use the ledger migrate it
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with engine(conn_id).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        grant(connection)


def differences(conn_id: str = CONNECTION) -> list[object]:
    """What the migrated schema and tables.py disagree on; empty when the migrations are complete."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with engine(conn_id).connect() as connection:
        return list(compare_metadata(MigrationContext.configure(connection), metadata))
