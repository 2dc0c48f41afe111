"""The pages of backfills: the plan before anything runs, how far each is, and who may start, resume and cancel one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pytest
from fastapi import HTTPException
from tests.unit.pages.airflow import FakeAirflow

from headline.ledger import Backfills
from headline.pages import backfills
from headline.pages.backfills import Form

D1, D2 = date(2026, 3, 1), date(2026, 3, 2)
FORM = Form("shop+", str(D1), str(D2), "the shop sent <b>late</b> orders", key="123")


@dataclass(frozen=True)
class Somebody:
    """A visitor; who may not run the DAG may perhaps see it."""

    may_run: bool = True
    may_see: bool = True
    name: str = "ana"

    def may_trigger(self, _: str) -> bool:
        return self.may_run

    def must_trigger(self, _: str) -> None:
        if not self.may_run:
            raise HTTPException(403, "no")

    def must_read(self, _: str) -> None:
        if not self.may_see:
            raise HTTPException(403, "no")


ANA: Any = Somebody()
VIEWER: Any = Somebody(may_run=False, name="eve")
STRANGER: Any = Somebody(may_run=False, may_see=False, name="eve")


@pytest.fixture
def shop(project: Any, once: Any) -> Any:
    return once(project, two_days)


def two_days(project: Any) -> None:
    project.arrive({D1: [("a", "1.00")], D2: [("b", "10.00")]})
    project.publish("shop", D1, D2)
    project.publish("core_shop", D1, D2)


def text(answer: Any) -> str:
    return " ".join(bytes(answer.body).decode().split())


def recorded(shop: Any) -> int:
    plan = backfills._planned(ANA, FORM)
    return Backfills().request("asked__1", plan.request, plan.chunks, "the *plan*", plan.before).id


def test_the_plan_is_shown_and_nothing_is_started(shop: Any) -> None:
    html = text(backfills.plan(ANA, FORM))
    assert "<td>core.running_totals</td>" in html
    assert "the shop sent &lt;b&gt;late&lt;/b&gt; orders" in html
    assert '<form class="again" method="post" action="start"' in html
    assert '<input type="hidden" name="from" value="2026-03-01">' in html
    assert Backfills().newest() == []
    assert "Run this plan" not in text(backfills.plan(ANA, replace(FORM, stale=True))), "nothing is stale"


@pytest.mark.parametrize(("change", "told"), [({"reason": "test"}, "is no reason"), ({"select": "shopp"}, "means no pipeline")])
def test_what_makes_no_sense_is_told_beside_the_form_and_starts_nothing(shop: Any, change: dict[str, Any], told: str) -> None:
    airflow = FakeAirflow(dags=["backfill"])
    for answer in (backfills.plan(ANA, replace(FORM, **change)), backfills.start(ANA, airflow.api, replace(FORM, **change))):
        assert answer.status_code == 400
        assert told in text(answer)
    assert airflow.started == []


def test_the_form_becomes_one_run_of_the_dag_however_often_it_is_sent(shop: Any) -> None:
    airflow = FakeAirflow(dags=["backfill"])
    for _ in range(2):
        answer = backfills.start(ANA, airflow.api, FORM)
        assert (answer.status_code, answer.headers["location"]) == (303, "../backfills?run=asked__123")
    params = {"select": "shop+", "from": str(D1), "to": str(D2), "reason": FORM.reason, "downstream": False, "days": "everything"}
    assert airflow.started == [("backfill", "asked__123", params)]
    keyless = FakeAirflow(dags=["backfill"])
    for _ in range(2):
        backfills.start(ANA, keyless.api, replace(FORM, key=""))
    assert len({run_id for _, run_id, _ in keyless.started}) == 2, "forms without a key have nothing in common"
    paused = FakeAirflow(dags=["backfill"], paused=["backfill"])
    assert "is paused" in text(backfills.start(ANA, paused.api, FORM))
    with pytest.raises(HTTPException, match="403"):
        backfills.start(ANA, FakeAirflow(dags=["backfill"], refused={"backfill": 403}).api, FORM)


def test_all_are_listed_with_stale_days_and_the_form(shop: Any) -> None:
    number = recorded(shop)
    shop.arrive({D1: [("a", "2.00")]})
    html = text(backfills.backfills(ANA, run="asked__1"))
    assert f'<a href="backfills/{number}">{number}</a>' in html
    assert f"Backfill {number}</a> was started" in html
    assert "the shop sent &lt;b&gt;late&lt;/b&gt; orders" in html
    assert "raw.orders <span" in html
    assert "Show the plan" in html
    assert "Show the plan" not in text(backfills.backfills(VIEWER))


def test_one_shows_its_chunks_and_plan_and_goes_on_or_ends(shop: Any) -> None:
    number, airflow = recorded(shop), FakeAirflow(dags=["backfill"])
    taken = text(backfills.plan(ANA, FORM))
    assert f"backfill {number} of ana" in taken
    assert "Run this plan" not in taken, "it would be refused"
    html = text(backfills.backfill(ANA, number))
    assert "1. shop" in html
    assert "the <em>plan</em>" in html
    assert "Nobody works on it now" in html
    assert f'action="{number}/resume"' in html
    assert "/cancel" not in text(backfills.backfill(VIEWER, number))
    assert backfills.resume(ANA, airflow.api, number, FORM).headers["location"] == f"../{number}"
    assert [(run_id, conf["resume"]) for _, run_id, conf in airflow.started] == [(f"resumed__{number}__123", number)]
    assert backfills.cancel(ANA, number).status_code == 303
    assert Backfills().get(number).standing == "cancelled by ana"
    html = text(backfills.backfill(ANA, number))
    assert "/resume" not in html
    assert "Nothing has changed of rows and money" in html
    backfills.resume(ANA, airflow.api, number, FORM)
    assert len(airflow.started) == 1, "what has ended does not go on"
    told = backfills.cancel_answer(ANA, number)
    assert told == backfills.answer(VIEWER, number) == backfills.answer_of_run(VIEWER, "asked__1")
    assert (told["name"], told["standing"], told["progress"]) == (f"backfill {number}", "cancelled by ana", "0/2")
    assert (told["is_open"], told["effect"], told["fields"]["select"]) == (False, [], "shop+")
    assert backfills.answer_of_run(VIEWER, "asked__2") is None


def test_nobody_does_what_they_may_not(shop: Any) -> None:
    number, airflow = recorded(shop), FakeAirflow(dags=["backfill"])
    for who in (VIEWER, STRANGER):
        for act in (
            lambda who=who: backfills.plan(who, FORM),
            lambda who=who: backfills.start(who, airflow.api, FORM),
            lambda who=who: backfills.resume(who, airflow.api, number, FORM),
            lambda who=who: backfills.cancel(who, number),
            lambda who=who: backfills.cancel_answer(who, number),
        ):
            with pytest.raises(HTTPException, match="403"):
                act()
    for look in (
        lambda: backfills.backfills(STRANGER),
        lambda: backfills.backfill(STRANGER, number),
        lambda: backfills.answer(STRANGER, number),
        lambda: backfills.answer_of_run(STRANGER, "asked__1"),
    ):
        with pytest.raises(HTTPException, match="403"):
            look()
    with pytest.raises(HTTPException, match="404"):
        backfills.backfill(ANA, number + 1)
    assert airflow.started == []
    assert Backfills().get(number).state == "planned"
