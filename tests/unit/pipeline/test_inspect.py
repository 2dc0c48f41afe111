"""A held staging table beside what is published: every difference is told once, and nothing else."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from headline.errors import BadData, BadRequest
from headline.pipeline import held_staging_table, inspect, write_audit_publish

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
Line = tuple[str, str, str, Any, Any, Any]


@pytest.fixture
def shop(project: Any, once: Any) -> Any:
    return once(project, two_days)


def two_days(project: Any) -> None:
    project.arrive({D1: [("a", "1.00"), ("b", "10.00"), ("x", "-1.00")], D2: [("z", "5.00")]})
    project.publish("shop", D1, D2)


def held(project: Any, day: date = D1, run_id: str = "manual__1") -> Any:
    """A run whose staging tables are kept, neither audited nor published."""
    run = project.run("core_shop", day, run_id=run_id)
    with project.stage(run) as (_, _staged, session):
        session.keep()
    return run


def changed(project: Any) -> Any:
    """After everything was published, a new price of `a`, without `b`, with `c` twice and another refused row."""
    project.publish("core_shop", D1, D2)
    project.arrive({D1: [("a", "2.00"), ("c", "3.00"), ("c", "3.00"), ("y", "-7.00"), ("x", "-1.00")]})
    project.publish("shop", D1)
    return held(project)


def lines(project: Any, run: Any, table: str = "orders") -> list[Line]:
    found = inspect(run.pipeline.tables[table], project.ledger.staging_tables(run.key)[f"core.{table}"], project.warehouse)
    return [(one.table, one.what, one.key or one.column, one.before, one.after, one.difference) for one in found]


def test_rows_are_told_by_their_key(shop: Any) -> None:
    assert lines(shop, changed(shop)) == [
        ("core.orders", "rows", "", 2, 3, 1),
        ("core.orders", "rows added", "", None, 2, None),
        ("core.orders", "rows removed", "", None, 1, None),
        ("core.orders", "rows changed", "", None, 1, None),
        ("core.orders", "total", "amount", Decimal("11.0000"), Decimal("8.0000"), Decimal("-3.0000")),
        ("core.orders", "keys that differ", "amount", None, 1, None),
        ("core.orders", "added", "order_id c", None, None, None),
        ("core.orders", "changed", "order_id a", Decimal("1.0000"), Decimal("2.0000"), Decimal("1.0000")),
        ("core.orders", "removed", "order_id b", None, None, None),
        ("quarantine.orders", "rows", "", 1, 2, 1),
        ("quarantine.orders", "rows added", "", None, 1, None),
        ("quarantine.orders", "rows removed", "", None, 0, None),
        ("quarantine.orders", "rows changed", "", None, 0, None),
        ("quarantine.orders", "reason", "negative_amount", 1, 2, 1),
        ("quarantine.orders", "added", "order_id y", None, None, None),
    ]


def test_a_repeated_row_beside_a_changed_one_is_one_more(shop: Any) -> None:
    shop.publish("core_shop", D1, D2)
    shop.arrive({D1: [("a", "2.00"), ("a", "3.00"), ("b", "10.00"), ("x", "-1.00")]})
    shop.publish("shop", D1)
    told = {what: after for table, what, _, _, after, _ in lines(shop, held(shop)) if table == "core.orders"}
    assert (told["rows added"], told["rows removed"], told["rows changed"]) == (1, 0, 1)


def test_without_a_key_a_row_is_all_of_its_columns(shop: Any) -> None:
    shop.replace("core/core_shop/pipeline.yml", "    key: [ds]\n", "")
    run = changed(shop)
    assert lines(shop, run, "running_totals") == [
        ("core.running_totals", "rows", "", 2, 2, 0),
        ("core.running_totals", "rows added", "", None, 2, None),
        ("core.running_totals", "rows removed", "", None, 2, None),
        ("core.running_totals", "rows changed", "", None, 0, None),
        ("core.running_totals", "added", "ds 2026-03-01, amount 8.0000", None, None, None),
        ("core.running_totals", "added", "ds 2026-03-02, amount 13.0000", None, None, None),
        ("core.running_totals", "removed", "ds 2026-03-01, amount 11.0000", None, None, None),
        ("core.running_totals", "removed", "ds 2026-03-02, amount 16.0000", None, None, None),
    ]


def test_a_key_may_be_null_and_so_may_values(shop: Any) -> None:
    shop.write(
        "core/core_shop/orders.sql",
        """
        select ds, case when amount < 9 then order_id end as order_id, amount, cast(null as varchar) as quarantine_reason
        from raw.orders
        where ds >= date '{{ start }}' and ds < date '{{ end }}' and amount > 0
        """,
    )
    told = [line[:5] for line in lines(shop, held(shop)) if line[1] in ("added", "changed", "removed")]
    assert told == [("core.orders", "added", key, None, None) for key in ("order_id a", "order_id None")]


def test_before_anything_was_published_everything_is_added(shop: Any) -> None:
    told = lines(shop, held(shop))
    assert told[:2] == [("core.orders", "rows", "", 0, 2, 2), ("core.orders", "rows added", "", None, 2, None)]
    assert ("core.orders", "total", "amount", None, Decimal("11.0000"), None) in told


def test_other_days_are_left_out_and_nothing_changes(shop: Any) -> None:
    shop.publish("core_shop", D1, D2)
    before = shop.query("select * from core.orders order by all")
    run = held(shop, D2)
    assert [line for line in lines(shop, run) if line[1] not in ("rows", "total", "reason") and line[4]] == []
    assert ("core.orders", "rows", "", 1, 1, 0) in lines(shop, run)
    assert shop.query("select * from core.orders order by all") == before


def test_at_most_20_rows_of_a_kind_are_shown(shop: Any) -> None:
    shop.arrive({D1: [(f"n{number:02}", "1.00") for number in range(30)]})
    shop.publish("shop", D1)
    told = lines(shop, held(shop))
    assert [key for _, what, key, *_ in told if what == "added"] == [f"order_id n{number:02}" for number in range(20)]


def test_personal_data_are_never_shown(shop: Any) -> None:
    shop.replace("core/core_shop/pipeline.yml", "    key: [ds]\n", "")
    old = "{name: amount, data_type: decimal,"
    shop.replace("core/core_shop/orders.contract.yml", old, old.replace("data_type", "attributes: {personal: true}, data_type"))
    shop.replace(
        "core/core_shop/running_totals.contract.yml", old, old.replace("data_type", "attributes: {personal: true}, data_type")
    )
    run = changed(shop)
    assert ("core.orders", "changed", "order_id a", "(personal)", "(personal)", None) in lines(shop, run)
    assert {key for _, what, key, *_ in lines(shop, run, "running_totals") if what == "added"} == {
        "ds 2026-03-01",
        "ds 2026-03-02",
    }


def test_the_failure_of_an_audit_ends_with_the_command_that_shows_it(shop: Any) -> None:
    run = changed(shop)
    with pytest.raises(BadData) as raised:
        write_audit_publish(run)
    *_, command = str(raised.value).splitlines()
    program, verb, table, key = command.split()
    assert (program, verb, table) == ("headline", "inspect", "core.orders")
    found = held_staging_table(run.pipeline.tables["orders"], key, shop.ledger)
    assert (found.run_id, found.state) == ("manual__1", "failed")


@pytest.mark.parametrize("run", ["manual__1", "manual__1 more", "manual__1 m"])
def test_a_run_is_named_by_its_id_or_the_beginning_of_it(shop: Any, run: str) -> None:
    for run_id in ("manual__1", "manual__1 more"):
        held(shop, run_id=run_id)
    found = held_staging_table(held(shop, run_id="other").pipeline.tables["orders"], run, shop.ledger)
    assert found.run_id == ("manual__1" if run == "manual__1" else "manual__1 more")


def test_without_a_run_the_newest_that_is_held_is_meant(shop: Any) -> None:
    held(shop, run_id="manual__1")
    table = held(shop, run_id="manual__2").pipeline.tables["orders"]
    write_audit_publish(shop.run("core_shop", D1, run_id="scheduled__1"))
    assert held_staging_table(table, "", shop.ledger).run_id == "manual__2"


def test_a_run_that_cannot_be_told_is_answered_with_those_that_there_are(shop: Any) -> None:
    table = held(shop).pipeline.tables["orders"]
    held(shop, run_id="manual__2")
    write_audit_publish(shop.run("core_shop", D1, run_id="scheduled__1"))
    for run, complaint in (
        ("manual", r"several runs begin with 'manual'; these runs have one: manual__2 \(\w{12}, transformed\); manual__1"),
        ("nobody", "no run begins with 'nobody'; these runs have one: manual__2"),
        ("scheduled", "the run scheduled__1 has published it, so there is nothing to compare; these runs have one"),
    ):
        with pytest.raises(BadRequest, match=complaint):
            held_staging_table(table, run, shop.ledger)


def test_what_was_kept_for_its_days_is_said_to_be_gone(shop: Any) -> None:
    run = changed(shop)
    table = run.pipeline.tables["orders"]
    with pytest.raises(BadData):
        write_audit_publish(run)
    staging_table = shop.ledger.staging_tables(run.key)["core.orders"]
    assert inspect(table, staging_table, shop.warehouse), "a failed audit keeps what it holds back"
    shop.warehouse.forget(run.key)
    with pytest.raises(BadRequest, match=f"the run {run.key} has kept nothing; clear it to compute it again"):
        inspect(table, staging_table, shop.warehouse)
    shop.ledger.forget_staging_tables([(run.key, "core.orders")])
    with pytest.raises(BadRequest, match="was kept for 7 days and has expired; clear it to compute it again; no run has one"):
        held_staging_table(table, "manual__1", shop.ledger)
