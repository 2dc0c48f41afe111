"""What was loaded, computed, audited and published: the memory that pipelines join through."""

from __future__ import annotations

from headline.ledger.audits import Audits
from headline.ledger.loads import Loads
from headline.ledger.publications import Publications
from headline.ledger.staging import StagingTables
from headline.ledger.state import CurrentState
from headline.ledger.versions import newest_version


class Ledger(CurrentState, Loads, StagingTables, Audits, Publications):
    """All reads and writes of the ledger; every method is one short transaction. Raises Transient when it is out of reach."""

    def newest_version(self) -> int:
        """Everything up to this version has been committed."""
        with self._begin() as connection:
            return newest_version(connection)
