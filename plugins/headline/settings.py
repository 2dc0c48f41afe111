"""Where things are and the few settings of a deployment, read from the environment."""

from __future__ import annotations

import os
import re
from datetime import date
from decimal import Decimal
from functools import cache
from getpass import getuser
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from headline.errors import BadRequest

PROJECT = Path(__file__).resolve().parents[2]
ROLES = PROJECT / "include" / "roles.json"
ACCESS = PROJECT / "include" / "access.yml"
SANDBOX = "dev"


def account() -> str:
    """Who runs this, as a word that can be part of a name; in a container there may be a number alone."""
    try:
        return re.sub(r"\W", "_", getuser()).lower()
    except (KeyError, OSError):
        return f"user_{os.getuid()}"


def shell() -> str:
    """Who runs this, as the audit log of readers calls them: an account of this machine, and no user of Airflow."""
    return f"{account()} (shell)"


def default_home() -> Path:
    """`.headline` in the project; for a sandbox a folder beside it, so that each developer has their own."""
    if os.environ.get(variable("environment")) == SANDBOX:
        return PROJECT / f".headline-{os.environ.get(variable('developer')) or account()}"
    return PROJECT / ".headline"


class Settings(BaseModel):
    """The settings of one deployment: the variables HEADLINE_<NAME>. A variable that is empty counts as missing."""

    model_config = ConfigDict(frozen=True)

    environment: Literal["dev", "test", "prod"] = Field(
        "test",
        description="prod: real figures; dev: a developer's sandbox beside them; test: an installation with data of its own",
    )
    developer: str = Field(
        default_factory=account, pattern=r"^\w+$", description="whose sandbox it is; the account that runs it if left out"
    )
    production: Path | None = Field(
        None, description="the home of the installation that a sandbox samples; without it two connections name that"
    )
    home: Path = Field(default_factory=default_home, description="where everything that runs make is kept")
    include: Path = Field(PROJECT / "include", description="the folder of specs, SQL and team.yml")
    sources: Path = Field(
        default_factory=lambda said: said["include"] / "sql" / "sources",
        description="folders of sources that stand in for those of the same name; the others are found where they were",
    )
    landing: str = Field(
        default_factory=lambda said: f"file://{said['home']}/landing",
        pattern=r"^(file:///|s3://[^/@]+(/|$))",
        description="where what arrives lands: file:///folder, or s3://bucket/prefix by the connection headline_landing",
    )
    most_copied_bytes: int = Field(
        20_000_000_000,
        gt=0,
        description="the most bytes of local copies of what has landed on S3; the longest unused go first",
    )
    start_date: date = Field(date(2026, 1, 1), description="the first day that the scheduler computes by itself")
    first_day: date = Field(date(2000, 1, 1), description="the first day that there can be data for; older ones are refused")
    reporting_currency: str = Field("EUR", description="the currency that all money is converted to")
    reporting_zone: str = Field("UTC", description="the time zone in which business days begin and end")
    restatement_days: int = Field(
        45, ge=0, description="stale days up to so many days before the newest are computed by a scheduled run; older ones wait"
    )
    backfill_days: int = Field(
        92, gt=0, le=100, description="the most days that a backfill over a range computes at once; Athena writes 100 at most"
    )
    closed_day_limit: Decimal = Field(
        Decimal("0.01"), ge=0, description="the share of a loaded day's keys or measures that a later reading may take away"
    )
    arrivals: str = Field(
        "",
        pattern=r"^(https?://\S+|[1-9]\d*)?$",
        description="the URL of the SQS queue that tells of new files of streams, or every how many minutes to look for them; "
        "without it they land with the daily run",
    )
    settled_minutes: int = Field(15, gt=0, description="a file that nobody has written to for so many minutes has arrived")
    query_seconds: float = Field(60, gt=0, description="the time limit of a SELECT that a person wrote, in seconds")
    query_rows: int = Field(1_000_000, gt=0, description="the most rows that a SELECT which a person wrote may give")
    api_rate: str = Field(
        "600 per minute",
        pattern=r"^\d+ per (\d+ )?(second|minute|hour|day)$",
        description="the most requests of one user that each process of the data API answers, such as 600 per minute",
    )
    query_memory: str = Field(
        "1GB",
        pattern=r"^\d+(\.\d+)? ?[KMGT]i?B$",
        description="the most memory that such a SELECT takes in DuckDB, and never more than the warehouse's connection allows",
    )
    most_days: int = Field(400, gt=0, description="the most days that one run computes")
    most_rows: int = Field(20_000_000, gt=0, description="the most rows that a source may send for a day of a landing")
    most_bytes: int = Field(
        10_000_000_000,
        gt=0,
        description="the most bytes for a day of a landing, and in one compressed file or answer, after expansion",
    )
    most_expansion: int = Field(250, gt=0, description="the most times its size that compressed data may expand to")
    most_pages: int = Field(10_000, gt=0, description="the most pages that a service may have for a day")
    keep_landing_days: int = Field(90, ge=0, description="days that landed files are kept which nothing refers to; 0: for ever")
    keep_log_days: int = Field(30, ge=0, description="days that files of Airflow's logs are kept; 0: for ever")
    keep_staging_days: int = Field(7, ge=0, description="days that staging tables of failed audits are kept; 0: for ever")
    keep_quarantine_days: int = Field(
        730, ge=0, description="days that quarantined rows are kept which no table reads; 0: for ever"
    )
    keep_audit_days: int = Field(400, ge=0, description="days that results of checks are kept; 0: for ever")
    keep_statement_days: int = Field(
        400, ge=0, description="days that statements of an engine that charges are kept, with their costs; 0: for ever"
    )
    keep_backup_days: int = Field(
        30, ge=0, description="days that backups below `backup_to` are kept, the newest in any case; 0: for ever"
    )
    commit: str = Field("", description="the commit of the code that runs, where it has no .git; figures are recorded with it")
    backup_to: str = Field("", description="the address of backups; without it the DAG `backup` has no schedule")
    pager: str = Field("headline.paging:Rotation", description="the class that notifies people of incidents")
    area_roles: bool = Field(False, description="whether Airflow has the roles of include/roles.json, which read an area's DAGs")
    without: frozenset[str] = Field(
        frozenset(), description="tables that this deployment does not have: they stay empty, nobody waits for them"
    )

    @field_validator("home")
    @classmethod
    def _without_links(cls, home: Path) -> Path:
        return home.resolve()

    @field_validator("without", mode="before")
    @classmethod
    def _apart(cls, names: Any) -> Any:
        return frozenset(names.split()) if isinstance(names, str) else names

    @property
    def base_url(self) -> str:
        """Where people find Airflow's UI: a setting of Airflow."""
        return os.environ.get("AIRFLOW__API__BASE_URL", "http://localhost:8080")

    @property
    def sql(self) -> Path:
        return self.include / "sql"

    def source(self, name: str) -> Path:
        """The folder of a source: the one that stands in for it below HEADLINE_SOURCES, or else the original."""
        folder = self.sources / name
        return folder if folder.is_dir() else self.sql / "sources" / name


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return f"HEADLINE_{name.upper()}"


@cache
def load() -> Settings:
    """Read the environment, once per process.

    Raises:
        BadRequest: a variable holds what is no value for it.
    """
    said = {name: value for name in Settings.model_fields if (value := os.environ.get(variable(name)))}
    try:
        return Settings.model_validate(said)
    except ValidationError as error:
        faults = (f"{variable(str(fault['loc'][0]))}={fault['input']}: {fault['msg']}" for fault in error.errors())
        raise BadRequest("; ".join(faults)) from None


def load_environment_file(home: Path | None = None) -> None:
    """Take over the variables that set-up wrote to `<home>/env`; what the environment already says wins.

    Raises BadRequest where it says of production's home that it is none.
    """
    path = (home or Path(os.environ.get("HEADLINE_HOME") or default_home())) / "env"
    if path.is_file():
        for line in path.read_text().splitlines():
            name, separator, value = line.partition("=")
            if separator and not name.startswith("#"):
                _require_production(path, name.strip(), value.strip())
                os.environ.setdefault(name.strip(), value.strip())
    load.cache_clear()


def _require_production(path: Path, name: str, value: str) -> None:
    said = os.environ.get(name)
    if name == variable("environment") and value == "prod" and said and said != value:
        raise BadRequest(f"{path.parent} is production, as its file env says: {name}={said} is for another HEADLINE_HOME")
