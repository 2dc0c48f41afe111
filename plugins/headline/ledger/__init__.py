"""What was loaded, computed, audited and published, in PostgreSQL beside the warehouse."""

from headline.ledger.audits import CheckResult, Sample
from headline.ledger.backfill_records import PREFIX, Backfill, Chunk, Request
from headline.ledger.backfills import Backfills
from headline.ledger.engine import ERASER, only_read, reading
from headline.ledger.exports import DeadLetter, Delivered, ExportRun, Exports
from headline.ledger.figure_requests import FigureRequest, FigureRequests
from headline.ledger.figure_row import FigureRow
from headline.ledger.figures import Figure, Figures
from headline.ledger.held_days import HeldDay, HeldDays
from headline.ledger.identity import Identity, mismatch
from headline.ledger.issued import IssuedFigures
from headline.ledger.ledger import Ledger
from headline.ledger.loads import Load
from headline.ledger.locks import Locks
from headline.ledger.migrate import MIGRATOR, migrate
from headline.ledger.new_state import Published
from headline.ledger.partial import partial_days
from headline.ledger.period import IN_DOUBT, OPEN, Change, PeriodState, has_not_ended, hash_of
from headline.ledger.publications import RunFacts
from headline.ledger.reads import Read, Reads, record_reads
from headline.ledger.repairs import Attempt, Repairs
from headline.ledger.reported import Reported, ReportedFigures
from headline.ledger.reports import Edition, Reports, Sending
from headline.ledger.schema_changes import ColumnChange, SchemaChange, SchemaChanges
from headline.ledger.staging import StagingTable
from headline.ledger.staleness import (
    behind,
    lacking_in_words,
    made_by_earlier_code,
    missing_days,
    missing_for,
    missing_inputs,
    stale_periods,
    stale_states,
    touched,
)
from headline.ledger.stamps import Stamp, Stamps
from headline.ledger.statements import Statement, Statements
from headline.ledger.upkeep import Erasure, Tombstones, Upkeep

__all__ = [
    "ERASER",
    "IN_DOUBT",
    "MIGRATOR",
    "OPEN",
    "PREFIX",
    "Attempt",
    "Backfill",
    "Backfills",
    "Change",
    "CheckResult",
    "Chunk",
    "ColumnChange",
    "DeadLetter",
    "Delivered",
    "Edition",
    "Erasure",
    "ExportRun",
    "Exports",
    "Figure",
    "FigureRequest",
    "FigureRequests",
    "FigureRow",
    "Figures",
    "HeldDay",
    "HeldDays",
    "Identity",
    "IssuedFigures",
    "Ledger",
    "Load",
    "Locks",
    "PeriodState",
    "Published",
    "Read",
    "Reads",
    "Repairs",
    "Reported",
    "ReportedFigures",
    "Reports",
    "Request",
    "RunFacts",
    "Sample",
    "SchemaChange",
    "SchemaChanges",
    "Sending",
    "StagingTable",
    "Stamp",
    "Stamps",
    "Statement",
    "Statements",
    "Tombstones",
    "Upkeep",
    "behind",
    "has_not_ended",
    "hash_of",
    "lacking_in_words",
    "made_by_earlier_code",
    "migrate",
    "mismatch",
    "missing_days",
    "missing_for",
    "missing_inputs",
    "only_read",
    "partial_days",
    "reading",
    "record_reads",
    "stale_periods",
    "stale_states",
    "touched",
]
