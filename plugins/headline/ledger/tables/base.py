"""What all tables of the ledger share."""

from __future__ import annotations

from sqlalchemy import MetaData, Sequence

metadata = MetaData()
HISTORY = {"history": True}

# One sequence orders everything that changes what a reader sees: loads and publications alike.
version_sequence = Sequence("version", metadata=metadata)
