"""The files of tables on Athena: merged, older snapshots expired, and, where rows must be gone, looked after."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping, Sequence

from headline.errors import BadRequest, Transient
from headline.warehouse.athena.errors import MORE_RUNS_NEEDED
from headline.warehouse.athena.glue import Glue
from headline.warehouse.athena.statements import About, AthenaStatements

log = logging.getLogger(__name__)

# Ages in seconds.
_NO_ROW_LEFT = {
    "vacuum_max_snapshot_age_seconds": 1,
    "vacuum_min_snapshots_to_keep": 1,
    "optimize_rewrite_delete_file_threshold": 1,
}
_AS_USUAL = _NO_ROW_LEFT | {"vacuum_max_snapshot_age_seconds": 432_000, "optimize_rewrite_delete_file_threshold": 2}
# A run of OPTIMIZE takes 100 partitions at most, and one of VACUUM some thousand files.
_MOST_RUNS = 100
# Metadata and statistics; the bounds of values stand in manifests.
_WITHOUT_ROWS = (".json", ".stats", ".puffin")


def maintain(statements: AthenaStatements, name: str) -> None:
    """Merge small files and those that deletes have left, and expire snapshots that nobody reads any more.

    Raises Transient where Athena has not come to an end after so many runs.
    """
    for sql in (f"OPTIMIZE {name} REWRITE DATA USING BIN_PACK", f"VACUUM {name}"):
        for number in range(_MOST_RUNS):
            try:
                statements.execute(sql, About(name, "upkeep"))
                break
            except Transient as error:
                if number == _MOST_RUNS - 1 or not MORE_RUNS_NEEDED.search(str(error)):
                    raise
                log.info("%s: Athena has done a part of it and is asked again", sql)


def expunge(statements: AthenaStatements, glue: Glue, tables: Sequence[str]) -> None:
    """Leave nothing in S3 of rows that the tables do not have any more.

    Raises BadRequest where something is left: VACUUM succeeds even where it may not delete files.
    """
    time.sleep(2)  # VACUUM keeps every snapshot of its last second, and the change may be as young
    for name in tables:
        _set(statements, name, _NO_ROW_LEFT)
        try:
            maintain(statements, name)
        finally:
            _set(statements, name, _AS_USUAL)
    if left := [told for name in tables for told in _left(statements, glue, name)]:
        raise BadRequest(
            f"rows that were removed can still be read in S3: {'; '.join(left)}. Give the role that runs the statements "
            "s3:DeleteObject on these files, remove tags and branches of these tables, end what else writes them, and try again"
        )


def _left(statements: AthenaStatements, glue: Glue, name: str) -> Iterator[str]:
    """What may hold rows of before, in words: older snapshots, files of nobody, rows that are only marked as deleted."""
    database, table = name.split(".")
    found = statements.execute(
        f"select file_path, case when content = 0 then record_count else 0 end, (select count(*) from {name}) "
        f'from "{database}"."{table}$files" union all select path, 0, 0 from "{database}"."{table}$manifests"',
        About(name, "upkeep"),
    ).rows
    described = glue.table(name) or {}
    location, snapshots = described["StorageDescriptor"]["Location"].rstrip("/"), glue.metadata(described)["snapshots"]
    own = {path for path, *_ in found} | {one["manifest-list"] for one in snapshots}
    stray = sorted(path for path in glue.files(location) if path not in own and not path.endswith(_WITHOUT_ROWS))
    marked = sum(stored for _, stored, _ in found) - max((count for *_, count in found), default=0)
    if len(snapshots) > 1:
        yield f"{name} has {len(snapshots) - 1} older snapshot(s)"
    if stray:
        yield f"{name} has {len(stray)} file(s) that are not the table's any more, such as {stray[0]}"
    if marked:
        yield f"files of {name} have {marked} row(s) that are only marked as deleted"


def _set(statements: AthenaStatements, name: str, properties: Mapping[str, int]) -> None:
    listed = ", ".join(f"'{key}'='{value}'" for key, value in properties.items())
    database, table = name.split(".")
    statements.execute(f"alter table `{database}`.`{table}` set tblproperties ({listed})", About(name, "upkeep"))
