"""Where things are and the few settings of a deployment, read from the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Settings:
    """The settings of one deployment; `load()` reads them from the variables HEADLINE_…"""

    home: Path
    include: Path
    sources: Path
    landing: str
    start_date: date  # the first day that the scheduler computes by itself
    first_day: date  # the first day that there can be data for; older ones are refused
    reporting_currency: str
    reporting_zone: str
    restatement_days: int = (
        45  # stale days up to so many days before the newest ride along with a run; older ones wait for a backfill
    )
    closed_day_limit: Decimal = Decimal("0.01")  # the share of a loaded day's keys or measures that a later reading may take away
    settled_minutes: int = 15  # a file that nobody has written to for so long is not on its way any more
    query_seconds: float = 60  # so long may a SELECT take that a person wrote
    most_days: int = 400  # so many days may one run be asked for
    most_rows: int = 20_000_000  # so many rows may a source send for a day of a landing
    most_bytes: int = (
        10_000_000_000  # so many bytes, after expansion, for a day of a landing, and in one compressed file or answer
    )
    most_expansion: int = 250  # so many times its size may what is compressed expand to
    most_pages: int = 10_000  # so many pages may a service have for a day
    keep_landing_days: int = 90  # landed files that nothing refers to are kept for so many days; 0: for ever
    keep_log_days: int = 30  # files of Airflow's logs
    keep_staging_days: int = 7  # what failed audits hold back
    keep_quarantine_days: int = 730  # quarantined rows that no table is made from
    keep_audit_days: int = 400  # outcomes of checks
    backup_to: str = ""  # the address below which backups are kept; without one the DAG `backup` has no schedule
    base_url: str = "http://localhost:8080"  # where people find Airflow's UI
    area_roles: bool = False  # whether Airflow has the roles of include/roles.json, who read the DAGs of the area called so
    without: frozenset[str] = frozenset()  # tables that this deployment does not have: they stay empty, nobody waits for them

    @property
    def sql(self) -> Path:
        return self.include / "sql"

    def source(self, name: str) -> Path:
        """The folder of a source: the one that stands in for it below HEADLINE_SOURCES, or else the original."""
        folder = self.sources / name
        return folder if folder.is_dir() else self.sql / "sources" / name


@cache
def load() -> Settings:
    home = Path(os.environ.get("HEADLINE_HOME", PROJECT / ".headline")).resolve()
    include = Path(os.environ.get("HEADLINE_INCLUDE", PROJECT / "include"))
    return Settings(
        home=home,
        include=include,
        sources=Path(os.environ.get("HEADLINE_SOURCES", include / "sql" / "sources")),
        landing=os.environ.get("HEADLINE_LANDING", f"file://{home}/landing"),
        start_date=date.fromisoformat(_said("HEADLINE_START_DATE", "2026-01-01")),
        first_day=date.fromisoformat(_said("HEADLINE_FIRST_DAY", "2000-01-01")),
        reporting_currency=_said("HEADLINE_REPORTING_CURRENCY", "EUR"),
        reporting_zone=_said("HEADLINE_REPORTING_ZONE", "UTC"),
        restatement_days=int(_said("HEADLINE_RESTATEMENT_DAYS", "45")),
        closed_day_limit=Decimal(_said("HEADLINE_CLOSED_DAY_LIMIT", "0.01")),
        settled_minutes=int(_said("HEADLINE_SETTLED_MINUTES", "15")),
        query_seconds=float(_said("HEADLINE_QUERY_SECONDS", "60")),
        most_days=int(_said("HEADLINE_MOST_DAYS", "400")),
        most_rows=int(_said("HEADLINE_MOST_ROWS", "20000000")),
        most_bytes=int(_said("HEADLINE_MOST_BYTES", "10000000000")),
        most_expansion=int(_said("HEADLINE_MOST_EXPANSION", "250")),
        most_pages=int(_said("HEADLINE_MOST_PAGES", "10000")),
        keep_landing_days=int(_said("HEADLINE_KEEP_LANDING_DAYS", "90")),
        keep_log_days=int(_said("HEADLINE_KEEP_LOG_DAYS", "30")),
        keep_staging_days=int(_said("HEADLINE_KEEP_STAGING_DAYS", "7")),
        keep_quarantine_days=int(_said("HEADLINE_KEEP_QUARANTINE_DAYS", "730")),
        keep_audit_days=int(_said("HEADLINE_KEEP_AUDIT_DAYS", "400")),
        backup_to=_said("HEADLINE_BACKUP_TO"),
        area_roles=_said("HEADLINE_AREA_ROLES") == "true",
        base_url=os.environ.get("AIRFLOW__API__BASE_URL", "http://localhost:8080"),
        without=frozenset(_said("HEADLINE_WITHOUT").split()),
    )


def _said(name: str, default: str = "") -> str:
    """What the environment says; a container is told an empty text where nothing was chosen."""
    return os.environ.get(name) or default


def load_environment_file(home: Path | None = None) -> None:
    """Take over the variables that set-up wrote to `<home>/env`; what the environment already says wins."""
    path = (home or Path(os.environ.get("HEADLINE_HOME", PROJECT / ".headline"))) / "env"
    if path.is_file():
        for line in path.read_text().splitlines():
            name, separator, value = line.partition("=")
            if separator and not name.startswith("#"):
                os.environ.setdefault(name.strip(), value.strip())
    load.cache_clear()
