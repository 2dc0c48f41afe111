"""What was loaded, computed, audited and published, in PostgreSQL beside the warehouse."""

from headline.ledger.ledger import Candidate, Change, CheckResult, Ledger, Load, Published, Sample
from headline.ledger.migrate import migrate
from headline.ledger.partial import partial_days
from headline.ledger.repairs import Attempt, Repairs
from headline.ledger.schema_changes import ColumnChange, SchemaChange, SchemaChanges
from headline.ledger.staleness import intervals_to_compute, is_outdated, missing_days, stale_days

__all__ = [
    "Attempt",
    "Candidate",
    "Change",
    "CheckResult",
    "ColumnChange",
    "Ledger",
    "Load",
    "Published",
    "Repairs",
    "Sample",
    "SchemaChange",
    "SchemaChanges",
    "intervals_to_compute",
    "is_outdated",
    "migrate",
    "missing_days",
    "partial_days",
    "stale_days",
]
