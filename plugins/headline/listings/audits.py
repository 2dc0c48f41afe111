"""The outcome of every check in the newest audit of each table."""

from __future__ import annotations

from collections.abc import Iterable

from headline.ledger import Ledger
from headline.show import Rows

COLUMNS = ("table", "check", "kind", "outcome", "measured", "threshold", "audited_at", "sample")


def audits(tables: Iterable[str] | None, *, failed: bool) -> Rows:
    """A row for each check of these tables, of all for None; `failed`: only those that have not passed."""
    rows = [
        (
            *(row.table_name, row.check_name, row.kind, row.outcome, row.measured, row.threshold),
            *(row.audited_at.replace(microsecond=0), row.sample),
        )
        for row in Ledger().latest_audits(tables)
        if not failed or row.outcome in ("failed", "not_evaluated", "warned")
    ]
    return Rows(COLUMNS, rows)
