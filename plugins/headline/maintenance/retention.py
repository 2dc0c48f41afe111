"""What nobody needs any more is removed after so many days, each kind by its setting; never what a published figure needs."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from time import time
from typing import TYPE_CHECKING

from headline import settings
from headline.intervals import DAY, Interval, business_day
from headline.ledger import HeldDays, Ledger, Load, PeriodState, SchemaChanges, Statements, Upkeep
from headline.specs import Catalog, Pipeline, Source, Table
from headline.warehouse import Session, Warehouse

if TYPE_CHECKING:
    from headline.sources.storage import AnyPath

log = logging.getLogger(__name__)

DAY_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Removed:
    """What was removed of a kind (or, where nothing is changed, would be): how many, and how many bytes where they are files."""

    kind: str
    count: int
    byte_count: int = 0


def retain(catalog: Catalog, ledger: Ledger, warehouse: Warehouse, logs: Path | None, run_id: str) -> list[Removed]:
    """Remove what is older than its setting says and say what was; the ledger keeps a record. Safe to run again.

    `logs`: the folder of Airflow's logs, where this machine has it. A setting of 0 keeps its kind for ever.
    """
    known, upkeep = settings.load(), Upkeep(ledger.conn_id)
    removed = [
        _landing(catalog, ledger, known.keep_landing_days),
        _logs(logs, known.keep_log_days),
        _staging(ledger, warehouse, known.keep_staging_days),
        _quarantine(catalog, ledger, warehouse, known.keep_quarantine_days),
        _backups(ledger, known.backup_to, known.keep_backup_days),
        Removed("audits", upkeep.forget_audits(known.keep_audit_days) if known.keep_audit_days else 0),
        Removed("statements", Statements(ledger.conn_id).forget(known.keep_statement_days) if known.keep_statement_days else 0),
    ]
    for one in removed:
        log.info("%s: %s removed%s", one.kind, f"{one.count:,}", f", {one.byte_count:,} bytes" if one.byte_count else "")
    told = {one.kind: {"count": one.count, "bytes": one.byte_count} for one in removed if one.count}
    if told:
        upkeep.record_retention(run_id, told)
    return removed


# landing


def _landing(catalog: Catalog, ledger: Ledger, days: int) -> Removed:
    from headline.sources.rewriting import remove

    count = size = 0
    for file in unneeded_files(catalog, ledger, days) if days else ():
        size += file.stat().st_size
        count += 1
        log.info("landing: %s is removed, nothing refers to it", file)
        remove(file)
    return Removed("landing", count, size)


def unneeded_files(catalog: Catalog, ledger: Ledger, days: int) -> Iterator[AnyPath]:
    """The landed files that are so many days old and that nothing refers to: no load that counts or that a published day was
    made from, no reading that is held, and none that waits for its columns to be agreed on."""
    from headline.sources.storage import address_of, path_of

    root, held = path_of(settings.load().landing), {one.file for one in HeldDays(ledger.conn_id).open()}
    older = Upkeep(ledger.conn_id).loads_of_days_with_many()
    for source in (one for one in catalog.pipelines.values() if isinstance(one, Source)):
        for name in source.ingest:
            landing, folder = f"landing.{name}", root / source.id / name
            if not folder.exists():
                continue
            newest = SchemaChanges(ledger.conn_id).newest(landing)
            needed = held | {load.file for load in ledger.current_loads(landing)} | ({newest.file} if newest else set())
            needed |= _published_from(older.get(landing, []), _readers(catalog, landing, ledger))
            for file in sorted(folder.glob("*/*.parquet"), key=str):
                if address_of(file) not in needed and time() - file.stat().st_mtime > days * DAY_SECONDS:
                    yield file


def _readers(catalog: Catalog, landing: str, ledger: Ledger) -> list[tuple[Table, list[PeriodState]]]:
    """The tables that read a landing, with what is published of them."""
    readers = [table for table in catalog.tables.values() if landing in table.reads]
    return [(table, ledger.states([table.full_name])) for table in readers]


def _published_from(loads: Iterable[tuple[int, Load]], readers: list[tuple[Table, list[PeriodState]]]) -> set[str]:
    """The files of those loads that a published day was made from: of each day the newest that the readers had seen, and later
    ones."""
    by_day: dict[date, list[tuple[int, Load]]] = {}
    for version, load in loads:
        by_day.setdefault(load.ds, []).append((version, load))
    landing = next((load.landing for mine in by_day.values() for _, load in mine), "")
    needed: set[str] = set()
    for day, mine in by_day.items():
        seen = [
            state.as_of
            for table, states in readers
            for state in states
            if state.interval.overlaps(table.reads[landing].touched_by(Interval(day, day + DAY)))
        ]
        oldest = min(seen, default=mine[-1][0])
        first = max((version for version, _ in mine if version <= oldest), default=0)
        needed |= {load.file for version, load in mine if version >= first}
    return needed


# logs and staging tables


def _logs(folder: Path | None, days: int) -> Removed:
    """Files of logs that nobody has written to for so long, and folders that are empty then."""
    if not folder or not folder.is_dir() or not days:
        return Removed("logs", 0)
    count = size = 0
    for path in sorted(folder.rglob("*"), reverse=True):  # a folder after what is in it
        if path.is_symlink() or time() - path.lstat().st_mtime <= days * DAY_SECONDS:
            continue
        if path.is_file():
            size += path.stat().st_size
            count += 1
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
    return Removed("logs", count, size)


def _staging(ledger: Ledger, warehouse: Warehouse, days: int) -> Removed:
    """What failed audits hold back is kept to be inspected, but not for ever."""
    expired = ledger.expired_staging_tables(days) if days else []
    for key in {key for key, _ in expired}:
        warehouse.forget(key)
    ledger.forget_staging_tables(expired)
    return Removed("staging", len(expired))


# backups


def _backups(ledger: Ledger, target: str, days: int) -> Removed:
    from headline.maintenance.old_backups import remove_backups

    if not target or not days:
        return Removed("backups", 0)
    return Removed("backups", *remove_backups(target, datetime.now(UTC) - timedelta(days=days), ledger))


# quarantine


def _quarantine(catalog: Catalog, ledger: Ledger, warehouse: Warehouse, days: int) -> Removed:
    """Quarantined rows of old days, where no table is made from them; the day itself and its version stay as they are."""
    if not days:
        return Removed("quarantine", 0)
    oldest = business_day(datetime.now(UTC), settings.load().reporting_zone) - DAY * days
    tables, count = {table.full_name: table for table in _unread(catalog)}, 0
    old = {state.table for state in ledger.states(tables, Interval(date.min, oldest))}
    if not old:
        return Removed("quarantine", 0)
    with warehouse.session(read_only=True) as session:
        found = [tables[name] for name in sorted(old) if _old_rows(tables[name], oldest, session)]
    if found:
        with warehouse.session() as session:
            count = sum(_forget_quarantined(table, oldest, ledger, session) for table in found)
    return Removed("quarantine", count)


def _unread(catalog: Catalog) -> Iterator[Table]:
    """The tables whose quarantine no table reads: a coverage is computed from it."""
    read = {name for pipeline in catalog.pipelines.values() for name in _reads(pipeline)}
    for table in catalog.tables.values():
        if table.quarantine and table.period == "day" and table.quarantine_name not in read:
            yield table


def _reads(pipeline: Pipeline) -> Iterator[str]:
    for table in pipeline.tables.values():
        yield from table.reads


def _old_rows(table: Table, oldest: date, session: Session) -> int:
    if table.quarantine_name not in session.tables():
        return 0
    [(count,)] = session.query(f"select count(*) from {table.quarantine_name} where ds < date '{oldest}'").rows
    return int(count)


def _forget_quarantined(table: Table, oldest: date, ledger: Ledger, session: Session) -> int:
    """After a crash in the middle the days are in doubt, and a run for them computes them."""
    count = _old_rows(table, oldest, session)
    query = f"select distinct ds from {table.quarantine_name} where ds < date '{oldest}'"
    days = {day for (day,) in session.query(query).rows}
    before = {content.start: content.fingerprint for content in session.published_contents(table)}
    states = ledger.states([table.full_name], Interval(date.min, oldest))
    sound = [state.interval.start for state in states if state.fingerprint == before.get(state.interval.start)]
    sound = [day for day in sound if day in days]
    ledger.distrust({table.full_name: sound})
    session.change([f"delete from {table.quarantine_name} where ds < date '{oldest}'"])
    now = {content.start: content.fingerprint for content in session.published_contents(table)}
    Upkeep(ledger.conn_id).set_fingerprints({(table.full_name, day): now.get(day, "0:0") for day in sound})
    log.info("%s: %s rows of before %s are removed", table.quarantine_name, count, oldest)
    return count
