"""Publication: all tables or none, once, and never from inputs that have changed meanwhile."""

from datetime import date
from typing import Any

import pytest

from headline.errors import NotChecked
from headline.ledger import Ledger
from headline.steps import audit, publish, transform
from headline.warehouse.duckdb import DuckDBSession

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
TOTALS = "select ds, cast(amount as integer) from core.running_totals order by ds"


@pytest.fixture
def shop(project: Any) -> Any:
    """Three days of orders are published in raw, nothing in core."""
    project.arrive({D1: [("a", "1.00")], D2: [("b", "10.00")], D3: [("c", "100.00"), ("d", "-5.00")]})
    project.publish("shop", D1, D3)
    return project


def test_nothing_is_readable_before_publish(shop: Any) -> None:
    run = shop.compute(shop.run("core_shop", D1, D3))
    assert shop.query("select count(*) from core.orders") == [(0,)]
    publish(run)
    assert shop.query("select order_id from core.orders order by 1") == [("a",), ("b",), ("c",)]
    assert shop.query("select order_id, quarantine_reason from quarantine.orders") == [("d", "negative_amount")]
    assert shop.query(TOTALS) == [(D1, 1), (D2, 11), (D3, 111)]


def test_publishing_again_changes_nothing(shop: Any, ledger: Ledger) -> None:
    run = shop.compute(shop.run("core_shop", D1, D3))
    assert len(publish(run)) == 2
    version, before = ledger.newest_version(), shop.query("select * from core.orders order by all")
    assert publish(run) == []
    assert ledger.newest_version() == version
    assert shop.query("select * from core.orders order by all") == before


def test_candidates_are_gone_after_publication(shop: Any) -> None:
    publish(shop.compute(shop.run("core_shop", D1)))
    assert shop.query("select table_name from information_schema.tables where table_schema = 'candidate'") == []


def test_one_failed_audit_holds_all_tables(shop: Any) -> None:
    run = shop.run("core_shop", D1)
    orders, totals = (run.pipeline.tables[name] for name in ("orders", "running_totals"))
    transform(run, orders)
    transform(run, totals)
    audit(run, totals)
    with pytest.raises(NotChecked, match=r"core\.orders \(transformed\)"):
        publish(run)
    assert shop.ledger.publications(["core.running_totals"]) == []


def test_a_table_that_was_never_computed_holds_the_others(shop: Any) -> None:
    run = shop.run("core_shop", D1)
    transform(run, run.pipeline.tables["orders"])
    audit(run, run.pipeline.tables["orders"])
    with pytest.raises(NotChecked, match=r"core\.running_totals \(not computed\)"):
        publish(run)


def test_a_crash_between_warehouse_and_ledger_heals(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = shop.compute(shop.run("core_shop", D1, D3))

    def crash(*args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "record_publications", crash)
        with pytest.raises(KeyboardInterrupt):
            publish(run)
    assert shop.ledger.publications(["core.orders"]) == []
    assert [one.table for one in publish(run)] == ["core.orders", "core.running_totals"]
    assert shop.query(TOTALS) == [(D1, 1), (D2, 11), (D3, 111)]


def test_a_crash_before_the_candidates_are_dropped_heals(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = shop.compute(shop.run("core_shop", D1))

    def crash(*args: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(DuckDBSession, "drop", crash)
        with pytest.raises(KeyboardInterrupt):
            publish(run)
    assert publish(run) == []
    assert shop.query("select table_name from information_schema.tables where table_schema = 'candidate'") == []


def test_an_input_that_changed_meanwhile_is_computed_and_audited_again(shop: Any) -> None:
    run = shop.compute(shop.run("core_shop", D1))
    shop.arrive({D1: [("a", "7.00")]})
    shop.publish("shop", D1)
    publish(run)
    assert shop.query(TOTALS) == [(D1, 7)]


def test_bad_data_that_came_meanwhile_is_not_published(shop: Any) -> None:
    from headline.errors import BadData

    run = shop.compute(shop.run("core_shop", D1))
    shop.arrive({D1: [("a", "1.00"), ("a", "1.00")]})
    shop.publish("shop", D1)
    with pytest.raises(BadData, match="duplicate"):
        publish(run)
    assert shop.query("select count(*) from core.orders") == [(0,)]


def test_an_input_that_changed_on_other_days_leaves_the_candidates_alone(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run = shop.compute(shop.run("core_shop", D1))
    shop.arrive({D3: [("c", "3.00")]})
    shop.publish("shop", D3)
    monkeypatch.setattr(DuckDBSession, "write_candidate", lambda *args: pytest.fail("computed again without need"))
    publish(run)
    assert shop.query(TOTALS) == [(D1, 1)]


def test_runs_of_one_pipeline_that_overlap_end_as_if_they_had_not(shop: Any) -> None:
    """Day 2 and 3 are summed up before day 1 of the same pipeline is published; whoever comes last must see the others."""
    later = shop.compute(shop.run("core_shop", D2, D3))
    publish(shop.compute(shop.run("core_shop", D1)))
    publish(later)
    assert shop.query(TOTALS) == [(D1, 1), (D2, 11), (D3, 111)]


def test_an_earlier_day_that_is_published_last_reaches_the_later_ones(shop: Any) -> None:
    earlier = shop.compute(shop.run("core_shop", D1))
    publish(shop.compute(shop.run("core_shop", D2, D3)))
    publish(earlier)
    assert shop.query(TOTALS) == [(D1, 1), (D2, 11), (D3, 111)]


def test_a_correction_reaches_every_day_that_depends_on_it(shop: Any) -> None:
    publish(shop.compute(shop.run("core_shop", D1, D3)))
    shop.arrive({D1: [("a", "2.00")]})
    shop.publish("shop", D1)
    publish(shop.compute(shop.run("core_shop", D3)))
    assert shop.query(TOTALS) == [(D1, 2), (D2, 12), (D3, 112)]


def test_the_ledger_knows_what_was_published_from_what(shop: Any) -> None:
    publish(shop.compute(shop.run("core_shop", D1, D3)))
    [orders] = shop.ledger.publications(["core.orders"])
    [raw] = shop.ledger.publications(["raw.orders"])
    assert (orders.start, orders.end, orders.row_count, orders.status) == (D1, date(2026, 3, 4), 3, "complete")
    assert orders.inputs == {"raw.orders": raw.version}
