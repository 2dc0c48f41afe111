"""The gate: issued figures move only where another person has approved just that result."""

import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.figures.conftest import D1, D2, D3, MARCH, ORDERS

from headline import specs
from headline.backfill.execute import gate_of
from headline.backfill.request import read_request
from headline.errors import BadData, BadRequest, RestatementWaiting, SpecError
from headline.figures.definitions import limit_of, undefined
from headline.figures.gate import FiguresGate
from headline.figures.requests import days_to_compute
from headline.figures.values import metric_values
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, Published
from headline.pipeline import write_audit_publish
from headline.specs.metrics import load_metrics
from headline.warehouse.duckdb.staging import DuckDBStaging


def test_each_publication_records_its_figures_as_drafts_and_none_twice(reported: Any) -> None:
    rows = reported.figures.history()
    told = {(row.metric, row.segment, row.start): row.value for row in rows}
    assert len(rows) == len(told)
    assert {row.status for row in rows} == {"draft"}
    assert told["daily_paid", "", D1] == Decimal(120)
    assert (told["daily_paid", "kind=books", D1], told["daily_paid", "kind=toys", D2]) == (100, 0)
    assert told["monthly_net", "", D1] == Decimal(193)
    [row] = [row for row in rows if row.metric == "monthly_net"]
    assert (row.end, row.coverage, len(row.inputs), row.pipeline) == (MARCH.end, 1, 64, "core_shop")
    assert row.code_version
    assert row.contract_version
    assert row.as_of > 0
    reported.run(D1, D3)
    assert reported.figures.history() == rows, "nothing has changed"
    assert reported.figures.most_recent() == []


def test_only_what_changed_is_recorded_again(reported: Any) -> None:
    before = reported.figures.history()
    reported.arrive({D2: [("b2", "51.00"), ("t2", "-7.00")]})
    reported.run(D2)
    new = reported.figures.history()[len(before) :]
    assert {(row.metric, row.segment) for row in new} == {
        *(("daily_paid", ""), ("daily_paid", "kind=books"), ("monthly_net", "")),
    }


def test_without_metrics_nothing_is_recorded(reported: Any) -> None:
    (reported.project.sql / "core/core_shop/metrics.yml").unlink()
    reported.arrive({D2: [("b2", "99.00")]})
    count = len(reported.figures.history())
    assert reported.run(D2).waiting == []
    assert len(reported.figures.history()) == count


def test_a_closed_month_is_issued_after_another_person_has_approved(reported: Any) -> None:
    asked = reported.ask(MARCH)
    assert (asked.requester, asked.days, asked.kind) == ("ann", MARCH, "issue")
    with pytest.raises(BadRequest, match="not approved"):
        reported.issue_approved(asked)
    assert reported.figures.most_recent() == []
    reported.requests.approve(asked.id, "ben", "r")
    rows = reported.issue_approved(asked)
    assert reported.issued("monthly_net") == {(D1, ""): 193}
    assert {(row.requester, row.approver, row.request_id, row.status) for row in rows} == {("ann", "ben", asked.id, "issued")}
    assert reported.issue_approved(asked) == [], "once"
    statuses = [row.status for row in reported.figures.history(metric="monthly_net")]
    assert statuses == ["draft", "approved", "issued"]
    assert reported.figures.verify().broken == []
    with pytest.raises(BadRequest, match="left to issue"):
        reported.ask(MARCH)


def test_what_changed_after_the_approval_is_not_issued(reported: Any) -> None:
    asked = reported.ask(MARCH)
    reported.requests.approve(asked.id, "ben", "r")
    reported.arrive({D2: [("b2", "50.01"), ("t2", "-7.00")]})
    write_audit_publish(reported.project.run("core_shop", D2))
    with pytest.raises(BadRequest, match="has changed since it was approved"):
        reported.issue_approved(asked)
    reported.project.publish("core_shop", D1, D3)
    reported.arrive({D2: [("b2", "50.02"), ("t2", "-7.00")]})
    reported.run(D2)
    with pytest.raises(BadRequest, match="is superseded: its figures were computed again"):
        reported.issue_approved(asked)
    assert reported.figures.most_recent() == []


def test_an_open_or_partial_or_missing_period_is_not_issued(reported: Any) -> None:
    with pytest.raises(BadRequest, match=r"the day from 2026-04-01 is not published"):
        reported.ask(Interval(D3, MARCH.end + DAY))
    reported.arrive({D2: [("b2", "999.00")]})
    reported.run(D2)
    with pytest.raises(BadRequest, match=r"the day from 2026-03-02 is partial"):
        reported.ask(Interval(D1, D3))
    assert {row.start for row in reported.issue(Interval(D1, D2))} == {D1}
    asked = reported.ask(MARCH, leave_out=True)
    reported.requests.approve(asked.id, "ben", "r")
    issued = reported.issue_approved(asked)
    assert {row.start for row in issued if row.metric == "daily_paid"} == {D3}, "a day without sales has no figure"


def test_a_run_that_moves_an_issued_figure_publishes_nothing_and_asks(issued: Any) -> None:
    issued.arrive({D2: [("b2", "80.00"), ("t2", "-7.00")]})
    asked = issued.held(D2, requester="ann")
    assert (asked.kind, asked.state, asked.requester, asked.days) == ("restatement", "asked", "ann", Interval(D2, D3))
    told = {one["figure"]["metric"] + one["figure"]["segment"]: one for one in asked.figures}
    assert told.keys() == {"daily_paid", "daily_paidkind=books", "monthly_net"}
    month = told["monthly_net"]
    assert (Decimal(month["old"]), Decimal(month["figure"]["value"]), month["is_material"]) == (193, 223, True)
    assert [(part["cause"], Decimal(part["amount"])) for part in month["parts"]] == [("orders", 30)]
    assert issued.held(D2).id == asked.id, "one result is asked for once"


def test_an_approved_restatement_is_published_with_its_note(issued: Any) -> None:
    issued.arrive({D2: [("b2", "80.00"), ("t2", "-7.00")]})
    asked = issued.held(D2, requester="ann")
    with pytest.raises(BadRequest, match="ann requested it"):
        issued.requests.approve(asked.id, "ann", "r")
    issued.held(D2)
    issued.requests.approve(asked.id, "ben", "r")
    assert issued.run(D2).waiting == []
    assert issued.issued("monthly_net") == {(D1, ""): 223}
    [row] = issued.figures.most_recent(metric="monthly_net")
    assert (row.approver, row.requester, row.request_id) == ("ben", "ann", asked.id)
    assert row.reason == "changed since it was issued: orders"
    assert [row.value for row in issued.figures.as_first_reported(metric="monthly_net")] == [193]
    assert issued.requests.get(asked.id).state == "published"
    issued.arrive(ORDERS)
    back = issued.held(D2)
    assert back.id != asked.id, "the way back is a restatement of its own"
    issued.requests.approve(back.id, "ben", "r")
    issued.run(D2)
    issued.arrive({D2: [("b2", "80.00"), ("t2", "-7.00")]})
    assert issued.held(D2).id not in (asked.id, back.id), "an approval is used up"


def test_a_staged_result_that_changed_after_the_approval_is_not_published(issued: Any) -> None:
    issued.arrive({D2: [("b2", "80.00"), ("t2", "-7.00")]})
    asked = issued.held(D2)
    issued.requests.approve(asked.id, "ben", "r")
    issued.arrive({D2: [("b2", "80.01"), ("t2", "-7.00")]})
    again = issued.held(D2)
    assert (again.id, again.state) == (asked.id + 1, "asked")
    assert issued.issued("monthly_net") == {(D1, ""): 193}


def test_a_result_with_equal_figures_and_other_rows_is_another_result(issued: Any) -> None:
    """What is approved is the content of the periods, not only their sums."""
    issued.arrive({D2: [("b2", "80.00"), ("t2", "-7.00")]})
    asked = issued.held(D2)
    issued.requests.approve(asked.id, "ben", "r")
    issued.project.replace("core/core_shop/daily_sales.sql", "then 0.5 else 1 end", "then 0.5 else 0.99 end")
    assert issued.held(D2).id != asked.id


def test_what_was_asked_again_after_its_approval_is_not_published(issued: Any) -> None:
    issued.arrive({D2: [("b2", "80.00"), ("t2", "-7.00")]})
    asked = issued.held(D2)
    issued.requests.approve(asked.id, "ben", "r")
    issued.requests.ask_again(asked.id, "r")
    assert issued.held(D2).id == asked.id


def test_a_refused_restatement_changes_nothing_and_is_not_asked_for_every_day(issued: Any) -> None:
    issued.arrive({D2: [("b2", "80.00"), ("t2", "-7.00")]})
    asked = issued.held(D2)
    issued.requests.refuse(asked.id, "ben", "r")
    with pytest.raises(RestatementWaiting, match="ben has refused request"):
        issued.run(D2)
    assert len(issued.requests.all()) == 2  # that of the month's first issue too
    assert issued.issued("monthly_net") == {(D1, ""): 193}


def test_an_approval_that_is_taken_back_at_the_last_moment_publishes_nothing(
    issued: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued.arrive({D2: [("b2", "80.00"), ("t2", "-7.00")]})
    asked = issued.held(D2)
    issued.requests.approve(asked.id, "ben", "r")
    looked = FiguresGate.__call__

    def look_and_lose(self: FiguresGate, *arguments: Any) -> Any:
        also = looked(self, *arguments)
        issued.requests.ask_again(asked.id, "r")
        return also

    monkeypatch.setattr(FiguresGate, "__call__", look_and_lose)
    monkeypatch.setattr(DuckDBStaging, "replace", lambda *_arguments: pytest.fail("nothing is to be written"))
    with pytest.raises(BadData, match="this result is not approved"):
        issued.run(D2)
    assert issued.issued("monthly_net") == {(D1, ""): 193}


def test_below_the_limit_it_is_published_and_recorded(issued: Any) -> None:
    issued.arrive({D2: [("b2", "54.00"), ("t2", "-7.00")]})
    assert issued.run(D2).waiting == []
    [row] = issued.figures.most_recent(metric="monthly_net")
    assert (row.value, row.approver, row.reason) == (197, None, "moved by no more than the materiality limit")


def test_small_steps_do_not_add_up_to_a_large_one_unseen(issued: Any) -> None:
    for amount in ("54.00", "55.00"):
        issued.arrive({D2: [("b2", amount), ("t2", "-7.00")]})
        issued.run(D2)
    issued.arrive({D2: [("b2", "56.00"), ("t2", "-7.00")]})
    asked = issued.held(D2)
    assert {Decimal(one["old"]) for one in asked.figures if one["figure"]["metric"] == "daily_paid"} == {50}
    [month] = [one for one in asked.figures if one["figure"]["metric"] == "monthly_net"]
    assert sum(Decimal(part["amount"]) for part in month["parts"]) == Decimal(month["figure"]["value"]) - Decimal(month["old"])


def test_a_segment_that_is_gone_is_a_restatement(issued: Any) -> None:
    issued.arrive({D1: [("b1", "100.00"), ("b9", "20.00")]})
    asked = issued.held(D1)
    gone = [one for one in asked.figures if one["figure"]["segment"] == "kind=toys" and one["figure"]["metric"] == "daily_paid"]
    assert [(one["old"], one["figure"]["value"], one["is_material"]) for one in gone] == [("20.0000", None, True)]
    issued.requests.approve(asked.id, "ben", "r")
    issued.run(D1)
    assert issued.issued("daily_paid")[D1, "kind=toys"] is None


def test_partial_data_never_take_the_place_of_an_issued_figure(issued: Any) -> None:
    issued.arrive({D2: [("b2", "999.00"), ("t2", "-7.00")]})
    with pytest.raises(BadData, match="partial data are never issued"):
        issued.run(D2)
    assert issued.issued("monthly_net") == {(D1, ""): 193}


def test_a_stale_day_that_waits_holds_back_no_other(issued: Any) -> None:
    issued.arrive({D2: [("b2", "80.00"), ("t2", "-7.00")]})
    april = MARCH.end
    issued.arrive({april: [("b5", "3.00")]})
    gate = issued.run(april)
    assert [one.state for one in gate.waiting] == ["asked"]
    assert issued.project.query(f"select paid from core.daily_sales where ds = date '{april}'") == [(3,)]
    assert issued.issued("monthly_net") == {(D1, ""): 193}


def test_nobody_is_asked_about_a_result_whose_inputs_have_changed_meanwhile(issued: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    issued.arrive({D2: [("b2", "80.00"), ("t2", "-7.00")]})
    counts: list[int] = []

    def has_changed_once(*_arguments: Any) -> bool:
        counts.append(len(issued.requests.all()))
        return len(counts) <= 2

    monkeypatch.setattr("headline.figures.gate.is_outdated", has_changed_once)
    monkeypatch.setattr(sys.modules[write_audit_publish.__module__], "is_outdated", has_changed_once)
    issued.held(D2)
    assert counts == [1, 1, 1, 2], "the gate and the run, in each of two attempts; it is asked in the second"


def test_a_figure_that_is_issued_while_a_run_is_about_to_publish_does_not_move_unseen(
    reported: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, told = FiguresGate.__call__, [replace(row, status="issued") for row in reported.figures.with_drafts()]

    def look_while_it_is_issued(self: FiguresGate, *arguments: Any) -> Any:
        also = looked(self, *arguments)
        reported.figures.record(told)
        return also

    reported.arrive({D2: [("b2", "80.00"), ("t2", "-7.00")]})
    monkeypatch.setattr(FiguresGate, "__call__", look_while_it_is_issued)
    with pytest.raises(RestatementWaiting):
        reported.run(D2)
    assert reported.issued("monthly_net") == {(D1, ""): 193}
    assert reported.project.query("select net from core.monthly_sales") == [(193,)]


def test_an_issue_never_waits_for_a_publication_that_waits_for_it(reported: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both lock the warehouse, and then the versions."""
    asked = reported.ask(MARCH)
    reported.requests.approve(asked.id, "ben", "r")
    locked: list[str] = []
    for owner, name in ((type(reported.project.warehouse), "session"), (Ledger, "recording")):
        monkeypatch.setattr(owner, name, noted(getattr(owner, name), name, locked))
    reported.issue_approved(asked)
    assert locked == ["session", "recording"]


def noted(method: Callable[..., Any], name: str, calls: list[str]) -> Callable[..., Any]:
    def call(*arguments: Any, **more: Any) -> Any:
        calls.append(name)
        return method(*arguments, **more)

    return call


def test_what_a_killed_run_has_left_in_doubt_is_not_issued(reported: Any) -> None:
    reported.project.ledger.distrust({"core.daily_sales": [D2]})
    with pytest.raises(BadRequest, match=r"the day from 2026-03-02 is in doubt since a run was killed: run its pipeline"):
        reported.ask(Interval(D1, D3))
    asked = reported.ask(Interval(D1, D3), leave_out=True)
    assert {row.start for row in asked.rows} == {D1}


def test_a_day_that_has_no_rows_any_more_is_a_restatement_by_the_run_that_found_it(issued: Any) -> None:
    issued.arrive({D1: []})
    asked = issued.held(D1)
    issued.requests.approve(asked.id, "ben", "r")
    issued.run(D1, run_id="after the approval")
    [row] = [row for row in issued.figures.most_recent(metric="daily_paid") if row.start == D1 and not row.segment]
    assert (row.value, row.run_id, row.approver) == (None, "after the approval", "ben")
    assert row.as_of > issued.figures.as_first_reported(metric="daily_paid")[0].as_of


def test_a_request_names_the_days_that_compute_all_that_it_moves() -> None:
    april = Interval(date(2026, 4, 1), date(2026, 5, 1))
    day = Interval(D2, D3)
    assert days_to_compute({"daily": published(day), "monthly": published(MARCH), "weekly": []}) == day
    assert days_to_compute({"daily": published(day), "monthly": published(MARCH, april)}) == Interval(D2, april.end)


def published(*days: Interval) -> list[Published]:
    return [Published("core.t", one, "f", 1, "complete") for one in days]


def test_a_segment_that_is_unknown_and_one_that_is_empty_are_one(reported: Any) -> None:
    """Else one of the two would take the place of the other."""
    pipeline = specs.load().pipelines["core_shop"]
    metric = load_metrics(pipeline).metrics["daily_paid"]
    rows = ", ".join(f"(date '{D2}', {kind}, {paid})" for kind, paid in (("''", 3), ("null", 4), ("'books'", 5)))
    with reported.project.warehouse.session(read_only=True) as session:
        found = metric_values(
            session, metric.of, f"(values {rows}) as sales (ds, kind, paid)", [metric], [Interval(D2, D3)], "duckdb"
        )
    assert found == {
        ("daily_paid", "", D2): 12,
        ("daily_paid", "kind=", D2): 7,
        ("daily_paid", "kind=books", D2): 5,
    }


def test_a_change_of_the_definition_is_put_down_to_the_code(issued: Any) -> None:
    issued.project.replace("core/core_shop/daily_sales.sql", "greatest(amount, 0)", "greatest(amount, 40)")
    asked = issued.held(D3, D3)
    assert asked.reason == "changed since it was issued: code"
    assert {part["cause"] for one in asked.figures for part in one["parts"]} == {"code"}


def test_a_backfill_asks_in_the_name_and_with_the_reason_of_whoever_asked_for_it(issued: Any) -> None:
    issued.arrive({D2: [("b2", "80.00"), ("t2", "-7.00")]})
    said = {"select": "core.daily_sales", "from": str(D2), "to": str(D2), "reason": "the shop has found a late order"}
    catalog = specs.load()
    request = read_request(catalog, issued.project.ledger, said, "ann")
    found: Any = SimpleNamespace(request=request)
    with pytest.raises(RestatementWaiting) as error:
        write_audit_publish(issued.project.run("core_shop", D2), gate=gate_of(found, lambda: ["ann", "dan"]), alone=True)
    asked = issued.requests.get(error.value.request_id)
    assert (asked.people, asked.reason) == (["ann", "dan"], "the shop has found a late order")
    with pytest.raises(BadRequest, match="dan requested it"):  # who has resumed it
        issued.requests.approve(asked.id, "dan", "r")


YML = "core/core_shop/metrics.yml"


def moved(world: Any) -> None:
    world.arrive({D2: [("b2", "80.00"), ("t2", "-7.00")]})


@pytest.mark.parametrize("what", ["the file", "its name", "its limit"])
def test_a_metric_that_was_issued_and_is_defined_no_more_stops_the_run(issued: Any, what: str) -> None:
    if what == "the file":
        (issued.project.sql / YML).unlink()
    elif what == "its name":
        issued.project.replace(YML, "monthly_net:", "monthly_result:")
    else:
        issued.project.replace(YML, "materiality: 10", "tier: 1")
    issued.run(D2)  # where nothing changes nothing can move
    moved(issued)
    before = issued.project.contents()
    with pytest.raises(
        SpecError, match=r"core_shop/metrics.yml: monthly_net: core_shop has issued it by the month, and no metrics"
    ):
        issued.run(D2)
    assert issued.project.contents() == before
    lost = undefined(specs.load(), issued.figures.metrics())
    assert len(lost) == (3 if what == "the file" else 1)


def test_a_renamed_metric_is_compared_with_what_was_issued_under_its_former_name(issued: Any) -> None:
    issued.project.replace(YML, "monthly_net:", "monthly_result:\n    renamed_from: [monthly_net]")
    moved(issued)
    asked = issued.held(D2)
    [month] = [one for one in asked.figures if one["figure"]["metric"] == "monthly_result"]
    assert (Decimal(month["old"]), Decimal(month["figure"]["value"])) == (193, 223)
    issued.requests.approve(asked.id, "ben", "r")
    issued.run(D2)
    assert issued.issued("monthly_result") == {(D1, ""): 223}
    assert issued.issued("monthly_net") == {(D1, ""): 193}, "as it was reported under that name"


def test_a_retired_metric_is_not_compared(issued: Any) -> None:
    text = (issued.project.sql / YML).read_text()
    kept = text[: text.index("  monthly_net:")] + "retired:\n  monthly_net: {retired_on: 2026-03-05, reason: Nobody reads it.}\n"
    issued.project.write(YML, kept)
    issued.arrive({D2: [("b2", "54.00"), ("t2", "-7.00")]})
    issued.run(D2)
    assert issued.issued("monthly_net") == {(D1, ""): 193}
    assert issued.issued("daily_paid")[D2, ""] == 54


def test_a_metric_of_another_grain_is_another_metric(issued: Any) -> None:
    issued.project.replace(YML, "table: monthly_sales\n    column: net", "table: daily_sales\n    column: paid")
    moved(issued)
    with pytest.raises(SpecError, match="monthly_net: core_shop has issued it by the month, and it is one by the day now"):
        issued.run(D2)


def test_a_renamed_pipeline_is_compared_with_what_it_issued_before(issued: Any) -> None:
    project = issued.project
    moved(issued)
    (project.sql / "core/core_shop").rename(project.sql / "core/core_sales")
    project.forget()
    with pytest.raises(RestatementWaiting) as error:
        write_audit_publish(project.run("core_sales", D2), gate=FiguresGate())
    assert "monthly_net" in {one["figure"]["metric"] for one in issued.requests.get(error.value.request_id).figures}
    project.replace("core/core_sales/metrics.yml", "monthly_net:", "monthly_result:")
    with pytest.raises(SpecError, match="monthly_net: core_shop has issued it"):
        write_audit_publish(project.run("core_sales", D2), gate=FiguresGate())


def test_a_limit_that_was_raised_since_does_not_count_for_what_was_issued(issued: Any) -> None:
    for old, new in (("materiality: 5", "materiality: 5000"), ("materiality: 10", "materiality: 90 %")):
        text = (issued.project.sql / YML).read_text()
        issued.project.write(YML, text.replace(old + "\n", new + "\n"))
    moved(issued)
    asked = issued.held(D2)
    limits = {one["figure"]["metric"]: Decimal(one["limit"]) for one in asked.figures if one["is_material"]}
    assert limits == {"daily_paid": 5, "monthly_net": 10}
    issued.requests.approve(asked.id, "ben", "r")
    issued.run(D2)
    issued.arrive({D2: [("b2", "95.00"), ("t2", "-7.00")]})
    issued.run(D2)
    assert issued.issued("monthly_net") == {(D1, ""): 238}, "the approved figure was issued with the limit of today"


def test_a_lower_limit_counts_at_once_and_for_a_row_without_one_todays(issued: Any) -> None:
    metric = load_metrics(specs.load().pipelines["core_shop"]).metrics["daily_paid"]
    [row, *_] = issued.figures.most_recent(metric="daily_paid")
    assert (row.value, row.materiality, limit_of(row, metric)) == (120, "5", 5)
    assert limit_of(replace(row, materiality="1 %"), metric) == Decimal("1.2")
    assert limit_of(replace(row, materiality=None), metric) == 5


def state(world: Any, request: Any) -> str:
    return str(world.requests.get(request.id).state)


def test_a_request_whose_figures_were_computed_anew_is_superseded(issued: Any) -> None:
    moved(issued)
    first = issued.held(D2)
    issued.arrive({D2: [("b2", "90.00"), ("t2", "-7.00")]})
    second = issued.held(D2, run_id="r2")
    assert (state(issued, first), state(issued, second)) == ("superseded", "asked")
    assert [(row.event, row.run_id) for row in issued.requests.history(first.id)][-1] == ("superseded", "r2")
    issued.requests.approve(second.id, "ben", "r")
    issued.arrive({D2: ORDERS[D2]})
    issued.run(D2, run_id="as it was")
    assert state(issued, second) == "superseded", "the figures are as they were issued"
    moved(issued)
    assert issued.held(D2).id not in (first.id, second.id), "it is asked for anew"


def test_a_request_for_more_than_was_computed_stays(issued: Any) -> None:
    issued.arrive({D1: [("b1", "150.00"), ("t1", "20.00")], D2: [("b2", "80.00"), ("t2", "-7.00")]})
    asked = issued.held(D1, D2)
    april = MARCH.end
    issued.arrive({april: [("b5", "3.00")]})
    write_audit_publish(issued.project.run("core_shop", april), gate=FiguresGate(), alone=True)
    assert state(issued, asked) == "asked"


def test_issues_of_the_same_figures_leave_none_open(reported: Any) -> None:
    month, day = reported.ask(MARCH), reported.ask(Interval(D1, D2))
    reported.requests.approve(day.id, "ben", "r")
    reported.issue_approved(day)
    assert (state(reported, day), state(reported, month)) == ("published", "superseded")
