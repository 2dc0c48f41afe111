"""The commands that make and keep copies of what is published, and make it anew."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer

from headline.errors import HeadlineError

if TYPE_CHECKING:
    from headline.specs import Catalog
    from headline.steps.fingerprints import Difference


def rebuild(
    with_differences: Annotated[
        bool,
        typer.Option(
            "--with-differences",
            help="Let it take the old one's place also where days differ from the ledger; the runs that are named then compute, "
            "audit and record them.",
        ),
    ] = False,
) -> None:
    """Make the warehouse anew from landing and ledger; the old file is kept beside it. Ends with 1 where any day differs.

    Every table is computed for the days that are published, from the files that they were computed from, and compared with the
    ledger's fingerprints. Nobody reads or publishes meanwhile.
    """
    from headline import specs
    from headline.intervals import DAY
    from headline.ledger import Ledger
    from headline.show import show
    from headline.steps.rebuild import rebuild as steps
    from headline.warehouse import open_warehouse

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
        print(f"the warehouse is made anew in {took}, and every day is as recorded", file=sys.stderr)
        return
    rows = [
        (one.table, one.interval.start, one.interval.end - DAY, one.rows_published, one.rows_recorded, why)
        for one, why in rebuilt.differences
    ]
    show(["table", "first_day", "last_day", "rows_rebuilt", "rows_recorded", "why"], rows)
    runs = mending_runs(catalog, [one for one, _ in rebuilt.differences])
    done = (
        f"the warehouse is made anew in {took}; {len(rows)} period(s) are not as recorded, which these runs mend:"
        if rebuilt.is_in_place
        else f"{len(rows)} period(s) came out otherwise than recorded: the warehouse stays as it is. Where that is right, "
        "headline rebuild --with-differences, and then these runs:"
    )
    raise HeadlineError("\n".join([done, *runs]))


def backup(
    target: Annotated[str, typer.Argument(help="A folder, or an address: s3://connection@bucket/headline.")],
) -> None:
    """Copy ledger, warehouse and landed files of one moment, with checksums, to a new folder below a target."""
    from headline.ledger import Ledger
    from headline.steps.backup import back_up
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
        typer.Option("--replace", help="In the place of what is there: its ledger goes, its warehouse is kept aside."),
    ] = False,
) -> None:
    """Put back ledger, warehouse and landed files from a backup; everything is compared with its checksums before."""
    from headline.ledger import Ledger
    from headline.steps.backup import restore as steps
    from headline.warehouse import open_warehouse

    begun = time.monotonic()
    with _owner() as owner:
        restored, kept = steps(source, Ledger(), open_warehouse(), replace=replace, owner=owner)
    if kept:
        print(f"the warehouse of before is kept as {kept}; remove it when you need it no more", file=sys.stderr)
    print(
        f"{restored.address} is restored in {time.monotonic() - begun:.1f} s. `headline verify` compares all of it; the sources' "
        "next runs bring what came since",
        file=sys.stderr,
    )


@contextmanager
def _owner() -> Iterator[str]:
    """The connection of who owns the ledger's tables: that of set-up, or the ledger's own where one login does everything."""
    from headline import connections
    from headline.ledger import MIGRATOR
    from headline.ledger.engine import CONNECTION
    from headline.local.home import Home
    from headline.local.postgres import Postgres

    home = Home.current()
    with connections.lent(home.lent(Postgres(home.postgres).socket) if home.is_ours else {}):
        yield MIGRATOR if connections.variable(MIGRATOR) in os.environ else CONNECTION


def mending_runs(catalog: Catalog, differences: Iterable[Difference]) -> list[str]:
    """The commands that compute the days again that differ, a line for each DAG, in the order in which they read each other."""
    from headline.intervals import DAY, Interval
    from headline.steps.rebuild import in_order

    makers, hulls = catalog.makers, dict[str, Interval]()
    for one in differences:
        name = makers[one.table].id
        hull = hulls.get(name, one.interval)
        hulls[name] = Interval(min(hull.start, one.interval.start), max(hull.end, one.interval.end))
    order = [pipeline.id for pipeline in in_order(catalog) if pipeline.id in hulls]
    return [f"  headline trigger {name} --from {hulls[name].start} --to {hulls[name].end - DAY}" for name in order]


COMMANDS = (rebuild, backup, restore)
