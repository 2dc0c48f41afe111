"""One period of one table as it is published, and what changed of one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from headline import settings
from headline.intervals import Interval, business_day

IN_DOUBT = ""
OPEN = "open"


def hash_of(fingerprint: str) -> str:
    """Which engine's hash a fingerprint is made of: `spark` of `12:spark:3456`, empty for DuckDB's, which does not say it."""
    return ":".join(fingerprint.split(":")[1:-1])


@dataclass(frozen=True)
class PeriodState:
    """One period of one table as it is published (or, of a landing, as it arrived).

    `version`: at which its content became what it is. `as_of`: inputs up to this version are in it.
    `fingerprint`: of its rows; None where it was published before fingerprints were kept, IN_DOUBT between a crash and the next
    run. `status`: open while a week or month has not ended; then complete, or partial where rows or days are missing.
    `code_version`: of the SQL, contract and macros that computed it last; None of a landing, and where it was never known.
    """

    table: str
    interval: Interval
    version: int
    as_of: int
    fingerprint: str | None
    row_count: int
    status: str
    coverage: Decimal
    run_id: str
    changed_at: datetime
    computed_at: datetime
    code_version: str | None = None

    @property
    def is_partial(self) -> bool:
        return self.status == "partial"

    @property
    def is_open(self) -> bool:
        return self.status == OPEN


@dataclass(frozen=True)
class Change:
    """At `version` the days of `interval` of `table` became what they are."""

    table: str
    interval: Interval
    version: int


def period_state(row: Any) -> PeriodState:
    return PeriodState(
        table=row.table_name,
        interval=Interval(row.start, row.end),
        version=row.version,
        as_of=row.as_of,
        fingerprint=row.fingerprint,
        row_count=row.row_count,
        status=_status(row),
        coverage=row.coverage,
        run_id=row.run_id,
        changed_at=row.changed_at,
        computed_at=row.computed_at,
        code_version=row.code_version,
    )


def _status(row: Any) -> str:
    """A period that was open when it was published, and has ended since, lacks the days that followed."""
    if row.status != OPEN or has_not_ended(Interval(row.start, row.end)):
        return str(row.status)
    return "partial"


def has_not_ended(period: Interval) -> bool:
    """Whether a day of a period is yet to come, or is the present one in the reporting zone."""
    return period.end > _today()


def _today() -> date:
    return business_day(datetime.now(UTC), settings.load().reporting_zone)
