"""How namespaces and staging tables are called."""

from __future__ import annotations

import hashlib

# The namespace of staging tables.
STAGING = "headline_staging"


def suffix(run_key: str) -> str:
    """What the names of a run's staging tables end with: the same for each try of a run, other for each run."""
    return hashlib.sha256(run_key.encode()).hexdigest()[:16]


_WITH_QUARANTINE = "__and_quarantine"


def staging_table(table: str, suffix: str, *, with_quarantine: bool) -> str:
    """The staging table of a table (`schema.table`), with the rows of its quarantine where it has one."""
    return f"{STAGING}.{table.replace('.', '__')}{_WITH_QUARANTINE if with_quarantine else ''}__{suffix}"


def part_of(staged: str, number: int) -> str:
    """The table of a part of the rows of a staging table; it goes with the others of the run."""
    name, _, suffix = staged.rpartition("__")
    return f"{name}__part{number}__{suffix}"


def is_with_quarantine(staged: str) -> bool:
    """Whether a staging table holds the rows of a quarantine too."""
    return staged.rpartition("__")[0].endswith(_WITH_QUARANTINE)


def outputs_of(staged: str) -> list[str]:
    """The outputs (`schema.table`) whose rows a staging table holds."""
    name = staged.partition(".")[2].rpartition("__")[0].removesuffix(_WITH_QUARANTINE)
    schema, _, table = name.partition("__")
    return [f"{schema}.{table}", *([f"quarantine.{table}"] if is_with_quarantine(staged) else [])]
