"""Alembic's entry: upgrades the ledger over the connection that `migrate()` hands in."""

from alembic import context

from headline.ledger.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
