"""A backfill over a range: what is asked for, what is planned, and what it does whatever ends it on the way."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from datetime import UTC, date, datetime
from random import Random
from typing import Any

import pytest

from headline import specs
from headline.backfill import Plan, make_plan, markdown, read_request, select
from headline.backfill.control import cancel
from headline.backfill.execute import Cancelled, execute
from headline.backfill.plan import cut
from headline.backfill.render import effect
from headline.backfill.request import checked_reason
from headline.errors import BadData, BadRequest, Transient
from headline.intervals import DAY, Interval
from headline.ledger import Backfill, Backfills, Ledger, Locks, behind
from headline.ledger.publications import Recording

D1, D2, D3, D4 = (date(2026, 3, day) for day in (1, 2, 3, 4))
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
REASON = "the shop sent late orders of March"
TOTALS = "select ds, cast(amount as integer) from core.running_totals order by ds"


@pytest.fixture
def shop(project: Any, once: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Four days are published; two chunks have two days each. A restatement window of no days leaves all stale ones alone."""
    monkeypatch.setenv("HEADLINE_RESTATEMENT_DAYS", "0")
    monkeypatch.setenv("HEADLINE_BACKFILL_DAYS", "2")
    project.forget()
    return once(project, four_days)


def four_days(project: Any) -> None:
    project.arrive({day: [(f"a{day}", f"{10**n}.00")] for n, day in enumerate((D1, D2, D3, D4))})
    project.publish("shop", D1, D4)
    project.publish("core_shop", D1, D4)


def planned(shop: Any, **said: Any) -> Plan:
    catalog = specs.load()
    fields = {"select": "*", "from": str(D1), "to": str(D4), "reason": REASON} | said
    request = read_request(catalog, shop.ledger, {key: value for key, value in fields.items() if value}, "ana", NOON)
    return make_plan(catalog, shop.ledger, shop.warehouse, request)


def asked(shop: Any, run_id: str = "manual__1", /, **said: Any) -> Backfill:
    plan = planned(shop, **said)
    return Backfills().request(run_id, plan.request, plan.chunks, markdown(plan), plan.before)


def carried_out(shop: Any, found: Backfill, run_id: str = "manual__1") -> Backfill:
    return execute(specs.load(), shop.ledger, shop.warehouse, found.id, run_id)


def late_order(shop: Any, day: date = D1, amount: str = "5.00") -> None:
    shop.arrive({day: [(f"a{day}", amount)]})


def days_behind(shop: Any) -> dict[str, list[date]]:
    found = behind(specs.load(), shop.ledger)
    return {name: [state.interval.start for state in states] for name, states in found.items()}


# what is asked for


@pytest.mark.parametrize("reason", ["", "test", "asdf", "-", "n/a", "fix", "TODO: reason", "run again", "aaa aaaaaaaa"])
def test_a_placeholder_is_no_reason(reason: str) -> None:
    with pytest.raises(BadRequest, match="is no reason"):
        checked_reason(reason)


def test_a_reason_is_kept_as_it_was_written() -> None:
    assert checked_reason(" Refunds of May  arrived late\n") == "Refunds of May arrived late"


@pytest.mark.parametrize(
    ("said", "error"),
    [
        ({"from": None, "to": None}, "from which day on"),
        ({"to": "2026-02-01"}, "before it begins"),
        ({"to": "2026-03-10"}, "has not ended"),
        ({"days": "some"}, "everything of the range or only what is stale"),
        ({"select": None}, "name pipelines or tables"),
        ({"select": "unit_profits"}, "«unit_profits» means no pipeline or table"),
        ({"select": "core_shop++"}, "means no pipeline or table"),
    ],
)
def test_what_makes_no_sense_is_refused(shop: Any, said: dict[str, Any], error: str) -> None:
    with pytest.raises(BadRequest, match=error):
        planned(shop, **said)


@pytest.mark.parametrize(
    ("selection", "tables"),
    [
        ("shop", {"raw.orders"}),
        ("core.orders", {"core.orders"}),
        ("raw.orders+1", {"raw.orders", "core.orders"}),
        ("shop+", {"raw.orders", "core.orders", "core.running_totals"}),
        ("1+core.running_totals", {"core.orders", "core.running_totals"}),
        ("+core.orders", {"raw.orders", "core.orders"}),
        ("core.*", {"core.orders", "core.running_totals"}),
        ("raw.orders  core.running_totals", {"raw.orders", "core.running_totals"}),
    ],
)
def test_a_selection_means_what_it_means_in_dbt(shop: Any, selection: str, tables: set[str]) -> None:
    assert select(specs.load(), selection).keys() == tables


def test_everything_downstream_can_be_asked_for_apart(shop: Any) -> None:
    found = select(specs.load(), "raw.orders", with_downstream=True)
    assert found == {
        "raw.orders": "named",
        "core.orders": "downstream of raw.orders",
        "core.running_totals": "downstream of raw.orders",
    }


# the plan


def test_a_plan_names_pipelines_in_order_their_days_and_chunks_and_what_is_there(shop: Any) -> None:
    plan = planned(shop)
    spans = [(one.pipeline, one.interval.start, len(one.interval)) for one in plan.chunks]
    assert spans == [("shop", D1, 2), ("shop", D3, 2), ("core_shop", D1, 2), ("core_shop", D3, 2)]
    assert plan.before["core.orders"] == {"rows": 4, "money": {"amount": "1111.0000"}, "days": [[str(D1), str(D4 + DAY)]]}
    text = markdown(plan)
    assert f"ana: {REASON}" in text
    assert "| 2 | core_shop | 4: 2026-03-01 to 2026-03-04 | 2 | not known |" in text
    assert "| core.orders | named | 2026-03-01 to 2026-03-04 | – | 4 | amount 1,111.00 |" in text
    assert "No issued figure can move" in text


def test_a_plan_tells_money_and_which_issued_figures_could_move(shop: Any) -> None:
    of_totals = "numeric_scale: 4, attributes: {additive_over: []}, description: Paid up"
    shop.replace("core/core_shop/running_totals.contract.yml", "numeric_scale: 4, description: Paid up", of_totals)
    catalog = specs.load()
    said = {"select": "core.orders", "from": str(D2), "to": str(D3), "reason": REASON}
    request = read_request(catalog, shop.ledger, said, "ana", NOON)
    plan = make_plan(catalog, shop.ledger, shop.warehouse, request, lambda days: [f"revenue of {days['core.orders'][0]}"])
    days = [[str(D2), str(D4)]]
    assert plan.before["core.orders"] == {"rows": 2, "money": {"amount": "110.0000"}, "days": days}
    assert plan.before["core.running_totals"] == {"rows": 2, "money": {}, "days": days}, "its amounts cannot be summed"
    assert "  - revenue of [2026-03-02, 2026-03-04)" in markdown(plan)
    assert {name: why for part in plan.parts for name, why in part.tables.items()} == {
        "core.orders": "named",
        "core.running_totals": "published with the pipeline",
    }


def test_days_that_nobody_can_compute_are_left_out_and_named(shop: Any) -> None:
    plan = planned(shop, **{"from": "2026-02-27", "to": "2026-03-05"})
    whole = [Interval(D1, D4 + DAY)]
    assert {part.pipeline: part.days for part in plan.parts} == {"shop": whole, "core_shop": whole}
    text = markdown(plan)
    assert "Left out of shop: 3 day(s) that landing.orders lacks: 2026-02-27 to 2026-02-28, 2026-03-05" in text
    assert "Left out of core_shop: 3 day(s) that raw.orders lacks" in text


def test_what_becomes_stale_beside_a_plan_is_told(shop: Any) -> None:
    plan = planned(shop, select="shop", to=str(D1))
    assert plan.later == {"core.orders": 1}
    assert planned(shop, select="core_shop", to=str(D2)).later == {"core.running_totals": 2}


def test_a_plan_of_stale_days_has_those_and_what_follows_from_them(shop: Any) -> None:
    assert planned(shop, days="stale").chunks == []
    late_order(shop, D3)
    plan = planned(shop, days="stale", **{"from": None, "to": None})
    assert [(part.pipeline, part.days) for part in plan.parts] == [
        ("shop", [Interval(D3, D4)]),
        ("core_shop", [Interval(D3, D4 + DAY)]),
    ]
    assert plan.parts[1].at_stake == {"core.orders": [Interval(D3, D4)], "core.running_totals": [Interval(D3, D4 + DAY)]}
    assert plan.parts[0].stale == {"raw.orders": [Interval(D3, D4)]}
    assert plan.parts[1].stale == {}
    assert plan.later == {}


def test_a_plan_expects_what_chunks_took_before(shop: Any) -> None:
    carried_out(shop, asked(shop))
    plan = planned(shop)
    assert all(part.seconds for part in plan.parts)
    assert plan.seconds == sum(part.seconds or 0 for part in plan.parts)
    assert "expected: " in markdown(plan)
    assert "not counted" not in markdown(plan)


def test_chunks_end_with_months_where_they_can(monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]) -> None:
    monkeypatch.setenv("HEADLINE_BACKFILL_DAYS", "92")
    forget_settings()
    found = cut(Interval(date(2025, 1, 10), date(2026, 1, 10)))
    assert [one.start for one in found] == [date(2025, month, day) for month, day in ((1, 10), (4, 1), (7, 1), (10, 1))] + [
        date(2026, 1, 1)
    ]
    assert found[-1].end == date(2026, 1, 10)
    assert max(map(len, found)) <= 92
    monkeypatch.setenv("HEADLINE_BACKFILL_DAYS", "7")
    forget_settings()
    assert [len(one) for one in cut(Interval(D1, date(2026, 3, 20)))] == [7, 7, 5]


# the run


def test_a_late_row_waits_for_a_backfill_which_brings_exactly_the_stale_days(shop: Any) -> None:
    late_order(shop)
    shop.arrive({D4 + DAY: [("b", "10000.00")]})
    shop.publish("shop", D4 + DAY)
    shop.publish("core_shop", D4 + DAY)
    assert shop.query(TOTALS)[0] == (D1, 1), "what is older than the restatement window does not ride along"
    assert days_behind(shop) == {"raw.orders": [D1]}
    done = carried_out(shop, asked(shop, days="stale", **{"from": None, "to": None}))
    assert done.state == "succeeded"
    assert shop.query(TOTALS) == [(D1, 5), (D2, 15), (D3, 115), (D4, 1115), (D4 + DAY, 11115)]
    assert days_behind(shop) == {}
    assert [(one.pipeline, one.days, one.changed_count) for one in done.chunks] == [
        ("shop", [Interval(D1, D2)], 1),
        ("core_shop", [Interval(D1, D3)], 3),
        ("core_shop", [Interval(D3, D4 + DAY)], 2),
        ("core_shop", [Interval(D4 + DAY, D4 + 2 * DAY)], 1),
    ]


def test_other_code_makes_days_stale_too(shop: Any) -> None:
    shop.replace("core/core_shop/orders.sql", "amount < 0", "amount < 5")
    assert [part.pipeline for part in planned(shop, days="stale").parts] == ["core_shop"]
    done = carried_out(shop, asked(shop, days="stale"))
    assert shop.query(TOTALS)[-1] == (D4, 1110)
    assert planned(shop, days="stale").chunks == []
    assert effect(done.totals_before, done.totals_after or {}) == [
        "core.orders amount: 1,111.0000 → 1,110.0000 (-1.0000)",
        "core.running_totals rows: 4 → 3 (-1)",
        "core.running_totals amount: 1,234.0000 → 1,230.0000 (-4.0000)",
    ]


def test_the_effect_is_of_the_days_at_stake_though_other_days_of_the_pipeline_are_computed_with_them(shop: Any) -> None:
    """Of core.orders one day is at stake, of the running totals all that follow: they share their chunks."""
    late_order(shop, D2, "13.00")
    done = carried_out(shop, asked(shop, days="stale"))
    assert effect(done.totals_before, done.totals_after or {}) == [
        "raw.orders amount: 10.0000 → 13.0000 (+3.0000)",
        "core.orders amount: 10.0000 → 13.0000 (+3.0000)",
        "core.running_totals amount: 1,233.0000 → 1,242.0000 (+9.0000)",
    ]


def test_a_range_is_computed_and_nothing_beside_it(shop: Any) -> None:
    late_order(shop)
    done = carried_out(shop, asked(shop, to=str(D2)))
    assert shop.query(TOTALS) == [(D1, 5), (D2, 15), (D3, 111), (D4, 1111)]
    assert days_behind(shop) == {"core.running_totals": [D3, D4]}
    assert {chunk.run_id for chunk in done.chunks} == {"manual__1"}
    published = {row.run_id for row in shop.ledger.publications(["core.orders"]) if row.run_id.startswith("ranged_backfill__")}
    assert published == {done.run_of(done.chunks[1])}


def test_a_second_request_for_the_same_days_is_refused_with_the_name_of_the_first(shop: Any) -> None:
    first = asked(shop, select="core_shop", to=str(D2))
    with pytest.raises(BadRequest, match=rf"backfill {first.id} of ana .«{REASON}».* has core_shop from {D1} to {D2}"):
        asked(shop, "manual__2", select="shop+", **{"from": str(D2)})
    assert asked(shop, "manual__1", select="core_shop", to=str(D2)).id == first.id, "the same run asks once"
    assert f"**Rejected:** backfill {first.id} of ana" in markdown(planned(shop)), "the plan tells it before"
    assert planned(shop, select="core_shop", **{"from": str(D3)}).taken == ""
    assert asked(shop, "manual__2", select="core_shop", **{"from": str(D3)}).id != first.id
    assert cancel(specs.load(), shop.ledger, shop.warehouse, first.id, "bob")
    assert not cancel(specs.load(), shop.ledger, shop.warehouse, first.id, "eve")
    assert asked(shop, "manual__3", select="core_shop", to=str(D2)).state == "planned"


def test_of_two_requests_at_once_one_is_recorded(shop: Any) -> None:
    plan, started = planned(shop), []
    for number in range(4):
        if (pid := os.fork()) == 0:
            try:
                shop.forget()
                Backfills().request(f"manual__{number}", plan.request, plan.chunks, "", plan.before)
                os._exit(0)
            except BadRequest:
                os._exit(7)
            finally:
                os._exit(1)
        started.append(pid)
    codes = [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in started]
    assert sorted(codes) == [0, 7, 7, 7]
    assert len(Backfills().newest()) == 1


def test_whoever_cancels_leaves_every_table_whole(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of a chunk: it is published, and nothing after it begins."""
    late_order(shop)
    found, original = asked(shop), Ledger.begin_publication

    def cancelling(self: Any, *arguments: Any) -> Any:
        cancel(specs.load(), shop.ledger, shop.warehouse, found.id, "bob")
        return original(self, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "begin_publication", cancelling)
        with pytest.raises(Cancelled, match="cancelled by bob"):
            carried_out(shop, found)
    assert [chunk.state for chunk in Backfills().get(found.id).chunks] == ["done", "waiting", "waiting", "waiting"]
    assert shop.query("select count(*), cast(sum(amount) as integer) from raw.orders") == [(4, 1115)]
    assert shop.query(TOTALS)[0] == (D1, 1)
    with pytest.raises(Cancelled):
        carried_out(shop, found)


def test_the_effect_of_what_was_cancelled_and_killed_is_known_too(shop: Any) -> None:
    """It was at work when it was cancelled, and never came to record it."""
    found, other = asked(shop), Locks("at work")
    with other.exclusive(f"backfill {found.id}"):
        assert cancel(specs.load(), shop.ledger, shop.warehouse, found.id, "bob")
    other.close()
    assert Backfills().get(found.id).totals_after is None
    with pytest.raises(Cancelled):
        carried_out(shop, found)
    assert Backfills().get(found.id).totals_after == found.totals_before


def test_bad_data_end_a_pipeline_and_what_reads_it_and_resuming_goes_on(shop: Any) -> None:
    late_order(shop, D3, "not a number")
    shop.replace("sources/shop/orders.contract.yml", "  - schema:", "  - schema:\n  - duplicate: {columns: [amount]}")
    shop.arrive({D3: [("x", "2.00"), ("y", "2.00")]})
    found = asked(shop)
    with pytest.raises(BadData, match=rf"1 of 4 chunk\(s\) of backfill {found.id} have failed.* resume {found.id}"):
        carried_out(shop, found)
    found = Backfills().get(found.id)
    assert (found.state, [chunk.state for chunk in found.chunks]) == ("failed", ["done", "failed", "waiting", "waiting"])
    assert "duplicate" in (found.chunks[1].error or "")
    assert [chunk.days for chunk in found.chunks] == [[Interval(D1, D3)], [], [], []], "what failed was not computed"
    late_order(shop, D3, "7.00")
    done = carried_out(shop, found, "manual__2")
    assert done.state == "succeeded"
    assert [chunk.run_id for chunk in done.chunks] == ["manual__1", "manual__2", "manual__2", "manual__2"]
    assert shop.query(TOTALS) == [(D1, 1), (D2, 11), (D3, 18), (D4, 1018)]


def test_two_never_work_on_one_backfill(shop: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    found, other = asked(shop), Locks("the first")
    with other.exclusive(f"backfill {found.id}"):
        original = Locks.exclusive
        monkeypatch.setattr(Locks, "exclusive", lambda self, name, timeout=None: original(self, name, min(timeout or 1, 0.2)))
        with pytest.raises(Transient, match="held by the first"):
            carried_out(shop, found)
    other.close()


POINTS: list[tuple[type, str]] = [
    (Backfills, "begin"),
    (Backfills, "begin_chunk"),
    (Ledger, "begin_publication"),
    (Recording, "publish"),
    (Backfills, "end_chunk"),
    (Backfills, "end"),
]


def test_killed_wherever_it_is_and_tried_again_it_ends_as_if_nothing_had_happened(shop: Any) -> None:
    """Each try is killed at a later step than the one before, in front of it or behind it, until one comes through."""
    late_order(shop)
    found, kills = asked(shop), 0
    while not _comes_through(shop, found, kills):
        kills += 1
        assert kills < 60
    assert kills >= 8
    done = Backfills().get(found.id)
    assert (done.state, {chunk.state for chunk in done.chunks}) == ("succeeded", {"done"})
    assert shop.query(TOTALS) == [(D1, 5), (D2, 15), (D3, 115), (D4, 1115)]
    assert days_behind(shop) == {}


def _comes_through(shop: Any, found: Backfill, step: int) -> bool:
    """Whether a try ends before it has come by so many steps."""
    pid = os.fork()
    if pid == 0:
        passed = 0

        def deadly(original: Callable[..., Any]) -> Callable[..., Any]:
            def calling(*arguments: Any, **named: Any) -> Any:
                nonlocal passed
                for work in (None, original):
                    result = work(*arguments, **named) if work else None
                    passed += 1
                    if passed > step:
                        os.kill(os.getpid(), signal.SIGKILL)
                return result

            return calling

        try:
            for owner, name in POINTS:
                setattr(owner, name, deadly(getattr(owner, name)))
            shop.forget()
            carried_out(shop, found)
            os._exit(0)
        finally:
            os._exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert code in (0, -signal.SIGKILL)
    return code == 0


@pytest.mark.parametrize("seed", range(2))
def test_whatever_came_late_a_backfill_of_what_is_stale_leaves_a_clean_range_nothing_to_change(shop: Any, seed: int) -> None:
    """Orders change and go, some of the days are computed meanwhile and others are not; a week table sums them up as well."""
    chance = Random(seed)
    for path, text in A_WEEK.items():
        shop.write(path, text)
    shop.replace(
        "core/core_shop/pipeline.yml", "tables:", "tables:\n  weeks: {key: [week], period: week, reads: {core.orders: {}}}"
    )
    days = [D1 + DAY * n for n in range(9)]
    shop.arrive({day: [(f"b{day}", "2.00")] for day in days})
    shop.publish("shop", days[0], days[-1])
    shop.publish("core_shop", days[0], days[-1])
    for _ in range(6):
        day = chance.choice(days)
        shop.arrive({day: [(f"c{number}{day}", f"{chance.randint(-1, 5)}.00") for number in range(chance.randint(0, 3))]})
        if chance.random() < 0.5:
            shop.publish(chance.choice(["shop", "core_shop"]), chance.choice(days))
    done = carried_out(shop, asked(shop, days="stale", **{"from": None, "to": None}))
    assert done.state == "succeeded"
    assert days_behind(shop) == {}
    assert planned(shop, days="stale", to=str(days[-1])).chunks == []
    version, filled = shop.ledger.newest_version(), shop.contents()
    shop.publish("shop", days[0], days[-1])
    shop.publish("core_shop", days[0], days[-1])
    assert shop.ledger.newest_version() == version
    assert shop.contents() == filled


A_WEEK = {
    "core/core_shop/weeks.sql": """
        select cast(date_trunc('week', ds) as date) as week, cast(sum(amount) as decimal(18, 4)) as amount
        from core.orders
        where ds >= date '{{ start }}' and ds < date '{{ end }}'
        group by cast(date_trunc('week', ds) as date)
        """,
    "core/core_shop/weeks.contract.yml": """
        dataset: warehouse/core/weeks
        description: One row per week.
        columns:
          - {name: week, data_type: date, description: Its Monday.}
          - {name: amount, data_type: decimal, numeric_precision: 18, numeric_scale: 4, description: What was paid.}
        checks:
          - schema:
        """,
}
