"""The ledger's tables. Rows of history are only ever added; the others hold how things are now.

A table of history says so in its `info`, and a migration gives it the trigger `history_stays`.
"""

from headline.ledger.tables.base import metadata
from headline.ledger.tables.data import audit, held_day, load, period_state, publication, schema_change, staging_table, warehouse
from headline.ledger.tables.exports import dead_letter, delivered_row, export_run
from headline.ledger.tables.figures import figure_decision, figure_request, issued_figures
from headline.ledger.tables.incidents import incident, incident_event, repair
from headline.ledger.tables.reads import read
from headline.ledger.tables.reports import report, report_sending
from headline.ledger.tables.statements import statement
from headline.ledger.tables.upkeep import erasure, retention, retirement

__all__ = [
    "audit",
    "dead_letter",
    "delivered_row",
    "erasure",
    "export_run",
    "figure_decision",
    "figure_request",
    "held_day",
    "incident",
    "incident_event",
    "issued_figures",
    "load",
    "metadata",
    "period_state",
    "publication",
    "read",
    "repair",
    "report",
    "report_sending",
    "retention",
    "retirement",
    "schema_change",
    "staging_table",
    "statement",
    "warehouse",
]
