"""A warehouse that is lost, old, another's, or ahead of the ledger stops every run; nothing is taken for empty."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from shutil import copyfile
from typing import Any

import duckdb
import pytest
from tests.attacks.installation import D1, D2, D3, D4, contents, superuser
from tests.unit.conftest import Project
from tests.unit.pipeline.killing import Point, run_and_die

from headline import recovery, specs
from headline.cli.published import verify as verify_command
from headline.errors import BadData, HeadlineError
from headline.ledger import Ledger, dump
from headline.ledger.tables import metadata
from headline.maintenance.rebuild import Rebuilt, rebuild
from headline.pipeline import write_audit_publish
from headline.pipeline.fingerprints import verify_published
from headline.warehouse.duckdb.staging import DuckDBStaging
from headline.warehouse.duckdb.warehouse import DuckDBWarehouse


def file_of(project: Project) -> Path:
    assert isinstance(project.warehouse, DuckDBWarehouse)
    return project.warehouse.path


def put(copy: Path, project: Project) -> None:
    """Somebody puts a file where the warehouse is."""
    copyfile(copy, file_of(project))


def kept(project: Project, name: str) -> Path:
    """Somebody makes a copy of the warehouse."""
    return Path(copyfile(file_of(project), file_of(project).with_name(name)))


def published(ledger: Ledger) -> int:
    return sum(len(one) for one in (ledger.publications(specs.load().tables), ledger.states(specs.load().tables)))


def tables_in(file: Path) -> set[str]:
    with duckdb.connect(file, read_only=True) as connection:
        return {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}


def refused(project: Project, what: str, pipelines: tuple[str, ...] = ("shop", "core_shop")) -> None:
    """Each run ends as bad data, says what is wrong and how to fix it, and leaves everything as it is."""
    before = published(project.ledger)
    there = tables_in(file_of(project)) if file_of(project).exists() else None
    for pipeline in pipelines:
        with pytest.raises(BadData, match=what) as told:
            project.publish(pipeline, D4)
        assert "headline rebuild" in str(told.value)
        assert "headline restore" in str(told.value)
    assert published(project.ledger) == before
    assert (tables_in(file_of(project)) if file_of(project).exists() else None) == there
    with pytest.raises(HeadlineError, match=f"{what}.*headline rebuild"):
        verify_command(table=None, adopt=False)


def verified(project: Project) -> bool:
    found = verify_published(specs.load().tables.values(), project.ledger, project.warehouse)
    return (found.mismatch, found.differences, found.unknown) == ("", [], [])


def rebuilt(project: Project, *, with_differences: bool = False) -> Rebuilt:
    return rebuild(specs.load(), project.ledger, project.warehouse, with_differences=with_differences)


def test_a_warehouse_that_was_moved_away_is_missed(shop: Project) -> None:
    before, file = contents(shop), file_of(shop)
    away = file.rename(file.with_name("away.duckdb"))
    refused(shop, "missing or new: it was lost")
    assert not file.exists()
    away.rename(file)
    shop.publish("shop", D4)
    shop.publish("core_shop", D4)
    assert len(contents(shop)["core.orders"]) == len(before["core.orders"]) + 1
    assert verified(shop)


def test_a_new_file_in_place_of_the_warehouse_is_refused(shop: Project) -> None:
    file_of(shop).unlink()
    duckdb.connect(file_of(shop)).close()
    refused(shop, "missing or new: it was lost")


def test_an_older_copy_is_refused(shop: Project) -> None:
    copy = kept(shop, "old.duckdb")
    shop.publish("shop", D4)
    put(copy, shop)
    refused(shop, "older than the ledger .*an old copy was restored", ("core_shop",))


def test_a_copy_from_before_identities_were_kept_is_refused(shop: Project) -> None:
    with duckdb.connect(file_of(shop)) as connection:
        connection.execute("drop schema headline cascade")
    refused(shop, "has no record of them: an old copy was restored")


def test_a_copy_that_is_put_back_while_a_run_computes_is_refused_before_anything_is_written(shop: Project) -> None:
    copy = kept(shop, "old.duckdb")
    shop.publish("shop", D4)
    newest = kept(shop, "newest.duckdb")

    def exchange(tables: Any) -> None:
        if {one.state for one in tables} == {"passed"}:
            put(copy, shop)

    before = published(shop.ledger)
    with pytest.raises(BadData, match="older than the ledger"):
        write_audit_publish(shop.run("core_shop", D4), exchange)
    assert published(shop.ledger) == before
    put(newest, shop)
    shop.publish("core_shop", D4)
    assert verified(shop)


def test_a_ledger_that_is_older_than_the_warehouse_is_refused(shop: Project, tmp_path: Path, owner: str) -> None:
    with dump.snapshot() as snapshot:
        snapshot.write(tmp_path / "dump")
    shop.publish("shop", D4)
    dump.load(tmp_path / "dump", {}, owner)
    refused(shop, "newer than the ledger .*an old copy of the ledger was restored")


def test_an_empty_ledger_does_not_know_the_warehouse(shop: Project, postgres: str) -> None:
    forget_ledger(postgres)
    shop.arrive({D4: [("d", "1000.00")]})
    refused(shop, "the ledger has no record of it", ("shop",))


def test_the_file_of_another_installation_is_refused(shop: Project, postgres: str) -> None:
    others = kept(shop, "others.duckdb")
    forget_ledger(postgres)
    file_of(shop).unlink()
    shop.arrive({D1: [("z", "5.00")], D4: [("y", "6.00")]})
    shop.publish("shop", D1)
    shop.publish("core_shop", D1)
    put(others, shop)
    refused(shop, "belongs to another installation")


def test_copies_that_were_used_separately_are_told_apart(shop: Project, tmp_path: Path, owner: str) -> None:
    """Ledger and warehouse are put back together, and go on; then the warehouse of the other way, with as many publications."""
    copy = kept(shop, "old.duckdb")
    with dump.snapshot() as snapshot:
        snapshot.write(tmp_path / "dump")
    shop.publish("shop", D4)
    other_way = kept(shop, "other.duckdb")
    put(copy, shop)
    dump.load(tmp_path / "dump", {}, owner)
    shop.publish("shop", D4)
    put(other_way, shop)
    refused(shop, "both continued separately from an old copy")


def forget_ledger(postgres: str, *names: str) -> None:
    with superuser(postgres) as cursor:
        cursor.execute(f"truncate {', '.join(names or [table.name for table in metadata.sorted_tables])}")


WRITTEN = Point(DuckDBStaging, "replace", after=True)
BEGUN = Point(Ledger, "begin_publication", after=True)


@pytest.mark.parametrize("deaths", [[BEGUN], [WRITTEN], [WRITTEN, BEGUN], [BEGUN, WRITTEN], [WRITTEN, WRITTEN]])
def test_a_run_that_died_is_no_mismatch(shop: Project, deaths: list[Point]) -> None:
    """The warehouse is written first: until the ledger follows it is what was planned, and whoever dies next plans from there."""
    shop.publish("shop", D4)
    for point in deaths:
        run_and_die(shop.run("core_shop", D4), point)
        assert shop.warehouse.mismatch() == ""
    shop.publish("core_shop", D4)
    assert verified(shop)


def test_an_installation_from_before_identities_were_kept_goes_on(shop: Project, postgres: str) -> None:
    with duckdb.connect(file_of(shop)) as connection:
        connection.execute("drop schema headline cascade")
    forget_ledger(postgres, "warehouse")
    shop.publish("shop", D4)
    shop.publish("core_shop", D4)
    assert "identity" in tables_in(file_of(shop))
    assert verified(shop)


def test_an_installation_from_before_identities_were_kept_notices_a_lost_file(shop: Project, postgres: str) -> None:
    forget_ledger(postgres, "warehouse")
    file_of(shop).unlink()
    refused(shop, "missing or new: it was lost")
    assert not file_of(shop).exists()


@pytest.mark.parametrize("table", ["raw.orders", "core.orders"])
def test_a_table_that_is_gone_is_not_taken_for_empty(shop: Project, table: str) -> None:
    with duckdb.connect(file_of(shop)) as connection:
        connection.execute(f"drop table {table}")
    before = published(shop.ledger)
    with pytest.raises(BadData, match=f"days of {table} are published, but there is no such table.*headline rebuild"):
        shop.publish("core_shop", D3)
    assert published(shop.ledger) == before
    with pytest.raises(HeadlineError, match=f"1 published .* missing, such as {table}.*headline rebuild"):
        verify_command(table=None, adopt=False)
    assert rebuilt(shop).is_in_place
    assert verified(shop)


@pytest.mark.parametrize("was_lost", [True, False])
def test_a_rebuilt_warehouse_is_the_same_row_for_row(shop: Project, was_lost: bool) -> None:
    before, states = contents(shop), shop.ledger.states(specs.load().tables)
    if was_lost:
        file_of(shop).unlink()
    told: list[tuple[str, int, int]] = []
    made = rebuild(specs.load(), shop.ledger, shop.warehouse, lambda name, periods, rows, _: told.append((name, periods, rows)))
    assert (made.differences, made.unknown, made.left_out, made.is_in_place) == ([], [], [], True)
    assert told == [("raw.orders", 3, 4), ("core.orders", 3, 4), ("core.running_totals", 3, 3)]
    assert contents(shop) == before
    assert shop.ledger.states(specs.load().tables) == states
    assert verified(shop)
    assert bool(made.kept) is not was_lost
    if made.kept:
        assert tables_in(Path(made.kept)) >= {"orders", "running_totals"}
        put(Path(made.kept), shop)
        refused(shop, "older than the ledger", ("shop",))


def test_what_was_held_back_is_not_in_a_rebuilt_warehouse(shop: Project) -> None:
    """It has landed; an audit never let it through."""
    before = contents(shop)
    shop.replace(
        "sources/shop/orders.contract.yml",
        "checks:\n  - schema:",
        "checks:\n  - schema:\n  - duplicate: {columns: [order_id], attributes: {kind: duplicates}}",
    )
    shop.arrive({D2: [("b", "10.00"), ("b", "10.00")]})
    with pytest.raises(BadData):
        shop.publish("shop", D2)
    file_of(shop).unlink()
    assert rebuilt(shop).differences == []
    assert contents(shop) == before


def test_a_rebuild_that_differs_names_the_days_and_keeps_the_old_file(
    shop: Project, capsys: pytest.CaptureFixture[str], forget_settings: Callable[[], None]
) -> None:
    before = contents(shop)
    shop.replace("core/core_shop/orders.sql", "    amount,", "    cast(amount * 2 as decimal(18, 4)) as amount,")
    with pytest.raises(HeadlineError, match=r"the warehouse stays as it is(.|\n)*headline trigger core_shop --from 2026-03-01"):
        recovery.rebuild()
    out = capsys.readouterr().out
    assert "an earlier version of the code made it" in out
    assert "what it reads differs" in out
    assert contents(shop) == before
    assert verified(shop), "the ledger has forgotten nothing"

    made = rebuilt(shop, with_differences=True)
    assert {(one.table, one.interval.start) for one, _ in made.differences} == {
        (name, day) for name in ("core.orders", "core.running_totals") for day in (D1, D2, D3)
    }
    assert made.is_in_place
    shop.publish("core_shop", D1, D3)
    assert verified(shop)
    assert shop.query("select amount from core.orders where order_id = 'b'") == [(20,)]


def test_a_rebuild_that_fails_leaves_the_old_file(shop: Project) -> None:
    before = contents(shop)
    [load, *_] = shop.ledger.current_loads("landing.orders")
    Path(load.file.removeprefix("file://")).unlink()
    with pytest.raises(HeadlineError):
        rebuilt(shop)
    assert contents(shop) == before
    assert verified(shop)


def test_a_rebuild_says_how_far_it_is_and_how_long_it_took(shop: Project, capsys: pytest.CaptureFixture[str]) -> None:
    file_of(shop).unlink()
    recovery.rebuild()
    told = capsys.readouterr().err
    assert "core.orders: 3 period(s), 4 rows, " in told
    assert "every day is as recorded" in told
