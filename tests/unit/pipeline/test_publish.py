"""Publication: what changed of all tables or nothing, once, and never from inputs that have changed meanwhile."""

import sys
from collections.abc import Callable
from datetime import date
from threading import Barrier, Event, Thread
from typing import Any

import pytest
from tests.unit.pipeline.killing import Point, run_and_die

from headline import specs
from headline.errors import BadData, Transient
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, stale_states
from headline.ledger.publications import Recording
from headline.pipeline import write_audit_publish
from headline.pipeline.audit import audit
from headline.pipeline.fingerprints import verify_published
from headline.pipeline.publish import publish
from headline.warehouse.duckdb.staging import DuckDBStaging
from headline.warehouse.duckdb.warehouse import DuckDBWarehouse

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
TOTALS = "select ds, cast(amount as integer) from core.running_totals order by ds"
THE_RUN = sys.modules[write_audit_publish.__module__]  # the package calls the function by the name of the module


@pytest.fixture
def shop(project: Any, once: Any) -> Any:
    """Three days of orders are published in raw, nothing in core."""
    return once(project, three_days)


def three_days(project: Any) -> None:
    project.arrive({D1: [("a", "1.00")], D2: [("b", "10.00")], D3: [("c", "100.00"), ("d", "-5.00")]})
    project.publish("shop", D1, D3)


def versions(project: Any, table: str) -> list[int]:
    return [state.version for state in project.ledger.states([table])]


def as_of(project: Any, table: str) -> list[int]:
    return [state.as_of for state in project.ledger.states([table])]


def differences(project: Any) -> list[Any]:
    return verify_published(specs.load().tables.values(), project.ledger, project.warehouse).differences


def meanwhile(monkeypatch: pytest.MonkeyPatch, *happens: Callable[[], Any]) -> list[int]:
    """Let something happen between computing and publishing, one thing at each attempt; gives the attempts as they are made."""
    attempts: list[int] = []

    def late(*arguments: Any) -> Any:
        attempts.append(len(attempts))
        if attempts[-1] < len(happens):
            with monkeypatch.context() as patch:
                patch.setattr(THE_RUN, "publish", publish)
                happens[attempts[-1]]()
        return publish(*arguments)

    monkeypatch.setattr(THE_RUN, "publish", late)
    return attempts


def test_nothing_is_readable_before_publish(shop: Any) -> None:
    with shop.stage(shop.run("core_shop", D1, D3)) as (planned, staged, session):
        audit(planned, staged, session)
        assert shop.query("select count(*) from core.orders") == [(0,)]
        assert publish(planned, staged, session)
    assert shop.query("select order_id from core.orders order by 1") == [("a",), ("b",), ("c",)]
    assert shop.query("select order_id, quarantine_reason from quarantine.orders") == [("d", "negative_amount")]
    assert shop.query(TOTALS) == [(D1, 1), (D2, 11), (D3, 111)]


def test_publishing_again_changes_nothing(shop: Any, ledger: Ledger) -> None:
    run = shop.run("core_shop", D1, D3)
    assert [one.published for one in write_audit_publish(run)] == [[str(Interval(D1, D3 + DAY))]] * 2
    version, before = ledger.newest_version(), shop.query("select * from core.orders order by all")
    history = ledger.publications(["core.orders", "core.running_totals"])
    assert [one.published for one in write_audit_publish(run)] == [[], []]
    assert [one.published for one in shop.publish("core_shop", D1, D3).values()] == [[], []]
    assert ledger.newest_version() == version
    assert ledger.publications(["core.orders", "core.running_totals"]) == history
    assert shop.query("select * from core.orders order by all") == before


def test_unchanged_inputs_make_nothing_behind_them_stale(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file that came anew with the same rows raw takes in nothing, and core is not computed for it."""
    shop.publish("core_shop", D1, D3)
    version = shop.ledger.newest_version()
    shop.arrive({D1: [("a", "1.0")]})
    assert shop.ledger.newest_version() == version + 1
    before = versions(shop, "raw.orders")
    monkeypatch.setattr(DuckDBStaging, "replace", lambda *_arguments: pytest.fail("nothing is to be written"))
    assert shop.publish("shop", D2)["raw.orders"].published == []
    assert versions(shop, "raw.orders") == before
    assert as_of(shop, "raw.orders")[:2] == [version + 1] * 2, "the change was seen"
    assert shop.publish("shop", D2)["raw.orders"].intervals == [Interval(D2, D3)], "and is no change any more"
    assert {name: one.intervals for name, one in shop.publish("core_shop", D2).items()} == {
        "core.orders": [Interval(D2, D3)],
        "core.running_totals": [Interval(D2, D3)],
    }


def test_only_the_days_that_changed_are_replaced_and_have_a_version(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.publish("core_shop", D1, D3)
    before, replaced = versions(shop, "core.orders"), []
    replace = DuckDBStaging.replace

    def noted(session: DuckDBStaging, replacements: Any, after: Any) -> None:
        replaced.extend((one.table.full_name, one.intervals) for one in replacements)
        replace(session, replacements, after)

    monkeypatch.setattr(DuckDBStaging, "replace", noted)
    shop.arrive({D2: [("b", "20.00")], D3: [("d", "-5.00"), ("c", "100.00")]})
    shop.publish("shop", D1, D3)
    shop.publish("core_shop", D1, D3)
    days, onwards = [Interval(D2, D3)], [Interval(D2, D3), Interval(D3, D3 + DAY)]
    assert replaced == [("raw.orders", days), ("core.orders", days), ("core.running_totals", onwards)]
    after = versions(shop, "core.orders")
    assert [one != other for one, other in zip(before, after, strict=True)] == [False, True, False]
    assert len(set(as_of(shop, "core.orders"))) == 1, "all of them were computed"


def test_a_refused_row_alone_is_a_change(shop: Any) -> None:
    shop.publish("core_shop", D1, D3)
    shop.arrive({D3: [("c", "100.00"), ("d", "-6.00")]})
    shop.publish("shop", D3)
    assert shop.publish("core_shop", D3)["core.orders"].published == [str(Interval(D3, D3 + DAY))]
    assert shop.query("select cast(amount as integer) from quarantine.orders") == [(-6,)]


def test_nothing_is_left_of_a_run_after_publication(shop: Any, warehouse: DuckDBWarehouse) -> None:
    run = shop.run("core_shop", D1)
    write_audit_publish(run)
    assert not list(warehouse.path.parent.glob("*.kept/*"))
    assert {one.state for one in shop.ledger.staging_tables(run.key).values()} == {"published"}


def test_one_failed_audit_holds_all_tables(shop: Any) -> None:
    shop.arrive({D1: [("a", "1.00"), ("a", "1.00")]})
    shop.publish("shop", D1)
    with pytest.raises(BadData, match="duplicate"):
        shop.publish("core_shop", D1)
    assert shop.ledger.publications(["core.orders", "core.running_totals"]) == []
    assert shop.query("select count(*) from core.running_totals") == [(0,)]


def test_a_stale_day_that_is_bad_by_now_holds_back_no_other(shop: Any, ledger: Ledger) -> None:
    shop.publish("core_shop", D1)
    shop.arrive({D1: [("a", "1.00"), ("a", "2.00")]})
    shop.publish("shop", D1)
    shop.publish("core_shop", D2)
    assert shop.query(TOTALS) == [(D1, 1), (D2, 11)]
    table = specs.load().table("core.orders")
    stale = stale_states(table, table.reads, ledger, Interval(D1, D3))
    assert [state.interval.start for state in stale] == [D1]
    with pytest.raises(BadData, match="order_id"):
        shop.publish("core_shop", D1)


def test_an_input_that_changed_meanwhile_is_computed_and_audited_again(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def another_file() -> None:
        shop.arrive({D1: [("a", "7.00")]})
        shop.publish("shop", D1)

    attempts = meanwhile(monkeypatch, another_file)
    shop.publish("core_shop", D1)
    assert len(attempts) == 2
    assert shop.query(TOTALS) == [(D1, 7)]
    assert differences(shop) == []


def test_inputs_that_never_rest_are_given_up_for_now(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def file(amount: int) -> None:
        shop.arrive({D1: [("a", f"{amount}.00")]})
        shop.publish("shop", D1)

    attempts = meanwhile(monkeypatch, *(lambda n=n: file(n) for n in range(2, 9)))
    with pytest.raises(Transient, match="inputs changed 5 times"):
        shop.publish("core_shop", D1)
    assert len(attempts) == 5
    assert shop.ledger.states(["core.orders"]) == []


def test_bad_data_that_came_meanwhile_is_not_published(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def bad_file() -> None:
        shop.arrive({D1: [("a", "1.00"), ("a", "1.00")]})
        shop.publish("shop", D1)

    meanwhile(monkeypatch, bad_file)
    with pytest.raises(BadData, match="duplicate"):
        shop.publish("core_shop", D1)
    assert shop.query("select count(*) from core.orders") == [(0,)]


def test_an_input_that_changed_on_other_days_leaves_what_was_computed_alone(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def later_day() -> None:
        shop.arrive({D3: [("c", "3.00")]})
        shop.publish("shop", D3)

    attempts = meanwhile(monkeypatch, later_day)
    shop.publish("core_shop", D1)
    assert len(attempts) == 1
    assert shop.query(TOTALS) == [(D1, 1)]


def test_runs_of_one_pipeline_that_overlap_end_as_if_they_had_not(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Day 2 and 3 are summed up before day 1 of the same pipeline is published; whoever comes last must see the others."""
    attempts = meanwhile(monkeypatch, lambda: shop.publish("core_shop", D1))
    shop.publish("core_shop", D2, D3)
    assert len(attempts) == 2
    assert shop.query(TOTALS) == [(D1, 1), (D2, 11), (D3, 111)]


def test_an_earlier_day_that_is_published_last_reaches_the_later_ones(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    meanwhile(monkeypatch, lambda: shop.publish("core_shop", D2, D3))
    shop.publish("core_shop", D1)
    shop.publish("core_shop", D3)
    assert shop.query(TOTALS) == [(D1, 1), (D2, 11), (D3, 111)]


def test_a_correction_reaches_every_day_that_depends_on_it(shop: Any) -> None:
    shop.publish("core_shop", D1, D3)
    shop.arrive({D1: [("a", "2.00")]})
    shop.publish("shop", D1)
    shop.publish("core_shop", D3)
    assert shop.query(TOTALS) == [(D1, 2), (D2, 12), (D3, 112)]


def test_the_ledger_knows_what_was_published_from_what(shop: Any) -> None:
    shop.publish("core_shop", D1, D3)
    [orders] = shop.ledger.publications(["core.orders"])
    [raw] = shop.ledger.publications(["raw.orders"])
    assert (orders.start, orders.end, orders.row_count, orders.status) == (D1, date(2026, 3, 4), 4, "complete")
    assert orders.inputs == {"raw.orders": raw.version}


# at the same time


def in_threads(*works: Callable[[], Any]) -> list[BaseException]:
    """Do things at the same time; gives what was raised."""
    raised: list[BaseException] = []

    def guarded(work: Callable[[], Any]) -> None:
        try:
            work()
        except BaseException as error:
            raised.append(error)

    threads = [Thread(target=guarded, args=(work,)) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return raised


def test_the_same_run_a_second_time_waits_for_the_first(shop: Any) -> None:
    run, is_at_work, may_go_on, order = shop.run("core_shop", D1, D3), Event(), Event(), list[str]()

    def slowly(tables: Any) -> None:
        order.append("first")
        is_at_work.set()
        assert may_go_on.wait(20)

    first = Thread(target=write_audit_publish, args=(run, slowly))
    second = Thread(target=write_audit_publish, args=(run, lambda _tables: order.append("second")))
    first.start()
    assert is_at_work.wait(20)
    second.start()
    second.join(0.7)
    assert set(order) == {"first"}, "the second has not begun"
    may_go_on.set()
    first.join(30)
    second.join(30)
    assert order == ["first"] * 4 + ["second"] * 4
    assert len(shop.ledger.publications(["core.orders"])) == 1, "the second has found nothing to do"
    assert shop.query(TOTALS) == [(D1, 1), (D2, 11), (D3, 111)]


def test_runs_of_one_pipeline_compute_side_by_side_and_end_as_one_after_the_other(shop: Any) -> None:
    """Both have computed their days before either publishes: whoever publishes last computes again."""
    together, steps = Barrier(2, timeout=30), list[str]()

    def run(first: date, last: date) -> None:
        waited: list[int] = []

        def meet(tables: Any) -> None:
            steps.append(str(first))
            if len(tables) == 2 and not waited:
                waited.append(1)
                together.wait()

        write_audit_publish(shop.run("core_shop", first, last), meet)

    assert in_threads(lambda: run(D1, D2), lambda: run(D2, D3)) == []
    assert len(steps) >= 4 + 4 + 2, "one of them has computed twice"
    assert shop.query(TOTALS) == [(D1, 1), (D2, 11), (D3, 111)]
    assert differences(shop) == []


# killed

POINTS = {
    "during staging": Point(Ledger, "record_staging_table", after=True),
    "during the audit": Point(Ledger, "record_audit"),
    "before the ledger forgets": Point(Ledger, "begin_publication"),
    "after the ledger has forgotten": Point(Ledger, "begin_publication", after=True),
    "half of the warehouse is written": Point(DuckDBStaging, "execute", of="insert into core.running_totals"),
    "the warehouse is written, the ledger is not": Point(DuckDBStaging, "replace", after=True),
    "the ledger is written and not committed": Point(Recording, "publish", after=True),
    "all is written": Point(DuckDBWarehouse, "forget"),
}
ARE_KEPT = ("during staging", "during the audit", "before the ledger forgets")


RUNS = [(point, "the same") for point in POINTS] + [(point, "the next day's") for point in list(POINTS)[3:6]]


@pytest.mark.parametrize(("point", "next_run"), RUNS)
def test_a_run_that_is_killed_is_healed_by_the_next(shop: Any, point: str, next_run: str) -> None:
    shop.publish("core_shop", D1, D2)
    before = versions(shop, "core.orders")
    shop.arrive({D1: [("a", "3.00")]})
    shop.publish("shop", D1)
    run = shop.run("core_shop", D1, D2)
    run_and_die(run, POINTS[point])
    if point in ARE_KEPT:
        assert shop.query(TOTALS) == [(D1, 1), (D2, 11)]
    if next_run == "the same":
        write_audit_publish(run)
    shop.publish("core_shop", D3)
    assert shop.query(TOTALS) == [(D1, 3), (D2, 13), (D3, 113)]
    assert differences(shop) == []
    after = versions(shop, "core.orders")
    assert (after[0] > before[0], after[1]) == (True, before[1]), "whoever reads the day learns of its change"
    assert [one.published for one in shop.publish("core_shop", D1, D3).values()] == [[], []]


def test_what_comes_back_after_a_kill_is_published_again(shop: Any) -> None:
    """The warehouse holds what no record tells of; what arrives then is what had been published before."""
    shop.publish("core_shop", D1, D3)
    shop.arrive({D1: [("a", "3.00")]})
    shop.publish("shop", D1)
    run_and_die(shop.run("core_shop", D1), POINTS["the warehouse is written, the ledger is not"])
    assert shop.query(TOTALS)[0] == (D1, 3)
    shop.arrive({D1: [("a", "1.00")]})
    shop.publish("shop", D1)
    shop.publish("core_shop", D1)
    assert shop.query(TOTALS) == [(D1, 1), (D2, 11), (D3, 111)]
    assert differences(shop) == []
