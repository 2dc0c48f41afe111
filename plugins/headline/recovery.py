"""The commands that make and keep copies of what is published, and rebuild it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from getpass import getuser
from typing import TYPE_CHECKING, Annotated

import typer

from headline import settings
from headline.environments import MeantOption, refuse_in_production
from headline.errors import BadRequest, HeadlineError
from headline.options import FormatOption
from headline.show import Format, show

if TYPE_CHECKING:
    from headline.intervals import Interval
    from headline.ledger import Ledger
    from headline.pipeline.fingerprints import Difference
    from headline.specs import Catalog


def rebuild(
    with_differences: Annotated[
        bool,
        typer.Option(
            "--with-differences",
            help="Let it take the old one's place also where days differ from the ledger; the runs that are named then compute, "
            "audit and record them.",
        ),
    ] = False,
    meant: MeantOption = False,
) -> None:
    """Build the warehouse again from landing and ledger; the old file is kept beside it. Ends with 1 where any day differs.

    Every table is computed for the days that are published, from the files that they were computed from, and compared with the
    ledger's fingerprints. Nobody reads or publishes meanwhile.
    """
    from headline import specs
    from headline.intervals import DAY
    from headline.ledger import Ledger
    from headline.maintenance.rebuild import rebuild as steps
    from headline.warehouse import open_warehouse

    refuse_in_production("rebuild", is_meant=meant)

    def report(name: str, periods: int, rows: int, seconds: float) -> None:
        print(f"{name}: {periods:,} period(s), {rows:,} rows, {seconds:.1f} s", file=sys.stderr)

    begun, catalog = time.monotonic(), specs.load()
    rebuilt = steps(catalog, Ledger(), open_warehouse(), report, with_differences=with_differences)
    for name in rebuilt.left_out:
        print(f"{name}: left out, no folder makes it any more", file=sys.stderr)
    if rebuilt.kept:
        print(f"the warehouse of before is kept as {rebuilt.kept}; remove it when you need it no more", file=sys.stderr)
    took = f"{time.monotonic() - begun:.0f} s"
    if unknown := {one.table for one in rebuilt.unknown}:
        print(f"{', '.join(sorted(unknown))}: published before fingerprints were kept, not compared", file=sys.stderr)
    if not rebuilt.differences:
        print(f"the warehouse is rebuilt in {took}, and every day is as recorded", file=sys.stderr)
        return
    rows = [
        (one.table, one.interval.start, one.interval.end - DAY, one.rows_published, one.rows_recorded, why)
        for one, why in rebuilt.differences
    ]
    show(["table", "first_day", "last_day", "rows_rebuilt", "rows_recorded", "why"], rows)
    runs = correcting_runs(catalog, [one for one, _ in rebuilt.differences])
    done = (
        f"the warehouse is rebuilt in {took}; {len(rows)} period(s) are not as recorded, which these runs fix:"
        if rebuilt.is_in_place
        else f"{len(rows)} period(s) came out otherwise than recorded: the warehouse stays as it is. Where that is right, "
        "headline rebuild --with-differences, and then these runs:"
    )
    raise HeadlineError("\n".join([done, *runs, *_issued(catalog, [one for one, _ in rebuilt.differences])]))


def _issued(catalog: Catalog, differences: Sequence[Difference]) -> list[str]:
    """What was told to investors and could be another value in what was rebuilt, in words."""
    from headline.figures.reach import could_move
    from headline.ledger import Ledger

    days: dict[str, list[Interval]] = {}
    for one in differences:
        days.setdefault(one.table, []).append(one.interval)
    moved = could_move(Ledger(), days, catalog)
    if not moved:
        return []
    first = f"{moved[0].metric} of {moved[0].start}"
    return [f"{len(moved)} issued figure(s) could move, such as {first}: readers see what is rebuilt before anybody approves it"]


def backup(
    target: Annotated[str, typer.Argument(help="A folder, or an address: s3://connection@bucket/headline.")],
) -> None:
    """Copy ledger, warehouse and landed files of one moment, with checksums, to a new folder below a target."""
    from headline.ledger import Ledger
    from headline.maintenance.backup import back_up
    from headline.warehouse import open_warehouse

    begun = time.monotonic()
    made = back_up(target, Ledger(), open_warehouse())
    print(made.address)
    print(
        f"{made.size:,} bytes, {len(made.landed):,} landed files of which {made.new_files:,} are new, "
        f"{time.monotonic() - begun:.1f} s",
        file=sys.stderr,
    )


def restore(
    source: Annotated[str, typer.Argument(help="A backup, or the target of several: then its newest.")],
    replace: Annotated[
        bool,
        typer.Option("--replace", help="Replace what is there: its ledger is dropped, its warehouse is kept aside."),
    ] = False,
    meant: MeantOption = False,
) -> None:
    """Restore ledger, warehouse and landed files from a backup, after comparing everything with its checksums.

    Persons who were erased since the backup was made are erased again.
    """
    from headline import specs
    from headline.ledger import MIGRATOR, Ledger
    from headline.maintenance import erasure
    from headline.maintenance.restore import restore as steps
    from headline.warehouse import open_warehouse

    if replace:
        refuse_in_production(f"restore {source} --replace", is_meant=meant)
    begun = time.monotonic()
    with _login(MIGRATOR) as owner:
        restored, kept = steps(source, Ledger(), open_warehouse(), replace=replace, owner=owner)
        catalog = specs.load()
        again = erasure.find_erased(catalog, Ledger(owner), open_warehouse())
        for person in again:
            erasure.erase(person, getuser(), catalog, Ledger(owner), open_warehouse())
    if again:
        print(f"{len(again)} person(s) who were erased since that backup are erased again", file=sys.stderr)
    if kept:
        print(f"the warehouse of before is kept as {kept}; remove it when you need it no more", file=sys.stderr)
    print(
        f"{restored.address} is restored in {time.monotonic() - begun:.1f} s. `headline verify` compares all of it; the sources' "
        "next runs bring what came since",
        file=sys.stderr,
    )


def erase(
    customer: Annotated[str, typer.Option(help="The id that the shop, or the app, knows the person by.")],
    yes: Annotated[bool, typer.Option("--yes", help="Do it. Without this option, what would change is only listed.")] = False,
    with_backups: Annotated[
        bool,
        typer.Option("--with-backups", help="Then make a new backup, and remove the older ones, which hold the person's data."),
    ] = False,
    by: Annotated[str, typer.Option(help="Who asks for it; the account that runs the command if left out.")] = "",
    meant: MeantOption = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Erase a person: a pseudonym stands for their id in landing, tables and samples, other personal data go. No figure changes.

    A tombstone sees to it that what arrives of them later is landed under the pseudonym. It cannot be undone. Safe to run again.
    """
    from headline import settings, specs
    from headline.exports.persons import dumps_in_words
    from headline.ledger import ERASER, MIGRATOR, Ledger
    from headline.maintenance import erasure
    from headline.warehouse import open_warehouse

    if yes:
        refuse_in_production("erase --yes", is_meant=meant)
    target = settings.load().backup_to
    if with_backups and not target:
        raise BadRequest("nobody has said where backups are: set HEADLINE_BACKUP_TO to their address")
    with _login(ERASER, MIGRATOR) as login:
        where = (specs.load(), Ledger(login), open_warehouse())
        found = erasure.erase(customer, by or getuser(), *where) if yes else erasure.find_person(customer, *where)
        show(["place", "rows"], [(one.name, one.row_count) for one in found], form)
        if not found:
            print("nothing of this person is there", file=sys.stderr)
        elif yes:
            print("erased; when runs that were going on have ended, look again whether anything is left", file=sys.stderr)
        else:
            print("nothing was changed: --yes erases the person", file=sys.stderr)
        for line in dumps_in_words(customer):
            print(line, file=sys.stderr)
        if yes and target:
            _forget_in_backups(target, Ledger(login), with_backups)


def _forget_in_backups(target: str, ledger: Ledger, is_at_once: bool) -> None:
    """Let the backups of before go, at once or when their time has come, and say which they are."""
    from headline.maintenance.backup import back_up
    from headline.maintenance.backups import dates_of_backups, made_at, remember_erased
    from headline.maintenance.old_backups import remove_backups
    from headline.warehouse import open_warehouse

    remember_erased(target, ledger)
    if is_at_once:
        made = back_up(target, ledger, open_warehouse())
        count, _ = remove_backups(target, made_at(made.address), ledger)
        print(f"{made.address} is made; {count} backup(s) of before are removed", file=sys.stderr)
    elif dates := dates_of_backups(target):
        days = settings.load().keep_backup_days
        when = f"the last goes after {dates[-1] + timedelta(days=days):%Y-%m-%d}" if days else "they stay for ever"
        print(
            f"{len(dates)} backup(s) below {target}, of {dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d}, may still hold the person: "
            f"{when} (HEADLINE_KEEP_BACKUP_DAYS). --with-backups makes a new one and removes them",
            file=sys.stderr,
        )


@contextmanager
def _login(*conn_ids: str) -> Iterator[str]:
    """The first of these connections that there is: those of set-up, or the ledger's own where one login does everything."""
    from headline import connections
    from headline.ledger.engine import CONNECTION
    from headline.local.home import Home
    from headline.local.postgres import Postgres

    home = Home.current()
    with connections.lent(home.lent(Postgres(home.postgres).socket) if home.is_ours else {}):
        yield next((one for one in conn_ids if connections.variable(one) in os.environ), CONNECTION)


def correcting_runs(catalog: Catalog, differences: Iterable[Difference]) -> list[str]:
    """The commands that compute the days again that differ, a line for each DAG, in the order in which they read each other."""
    from headline.intervals import DAY, Interval

    makers, hulls = catalog.makers, dict[str, Interval]()
    for one in differences:
        name = makers[one.table].id
        hull = hulls.get(name, one.interval)
        hulls[name] = Interval(min(hull.start, one.interval.start), max(hull.end, one.interval.end))
    order = [pipeline.id for pipeline in catalog.in_order() if pipeline.id in hulls]
    return [f"  headline trigger {name} --from {hulls[name].start} --to {hulls[name].end - DAY}" for name in order]


COMMANDS = (rebuild, backup, restore, erase)
