"""What a run keeps of its staging tables after it has ended."""

from __future__ import annotations

from pathlib import Path

from headline.errors import NoSpace
from headline.warehouse.duckdb.instance import STAGING
from headline.warehouse.duckdb.statements import Statements


def kept_file(warehouse: Path, run_key: str) -> Path:
    """Where a run keeps them."""
    return Path(f"{warehouse}.kept") / f"{run_key}.duckdb"


def keep(statements: Statements, file: Path) -> None:
    """Copy all staging tables into a file; it is there as a whole or not at all."""
    file.parent.mkdir(parents=True, exist_ok=True)
    _forget_half_written(file)
    half_written = file.with_suffix(".half")
    try:
        statements.execute(f"attach '{half_written}' as kept")
        statements.execute(f"copy from database {STAGING} to kept")
        statements.execute("detach kept")
        half_written.replace(file)
    except NoSpace:
        _forget_half_written(file)
        raise


def forget(file: Path) -> None:
    """Remove what was kept, if anything."""
    file.unlink(missing_ok=True)
    _forget_half_written(file)


def _forget_half_written(kept: Path) -> None:
    """Remove what a process has left that was killed while it kept its staging tables."""
    for ending in (".half", ".half.wal"):
        kept.with_suffix(ending).unlink(missing_ok=True)
