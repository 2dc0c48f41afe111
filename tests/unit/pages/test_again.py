"""Computing days again and waiving their figures: which DAGs, in which order, by whom, and what is refused."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from fastapi import HTTPException
from tests.unit.company import catalog  # noqa: F401 (a fixture)
from tests.unit.pages.airflow import FakeAirflow, run

from headline.errors import BadRequest
from headline.intervals import Interval
from headline.ledger import Figure
from headline.pages import again
from headline.pages.again import Form, chain, checked, compute_again, computed_again, dags, forms, start
from headline.specs import Catalog

TODAY = date(2026, 11, 20)
DAGS = ["app", "shop", "core_app", "core_shop", "unit_profit", "investor_profit"]
FORM = Form("again", "2026-11-03", "2026-11-05", key="123")
NAMES = [f"core.order_lines.net_revenue_is_usual@2026-11-0{day},net_revenue={day}" for day in (3, 5)]
WAIVE = replace(FORM, what="waive", reason="a sale", found=NAMES, figures=NAMES[:1])


@dataclass
class Somebody:
    """A visitor who may run everything but a few DAGs, and see all but others."""

    may_not_run: set[str] = field(default_factory=set)
    cannot_see: set[str] = field(default_factory=set)

    def may_trigger(self, dag_id: str) -> bool:
        return dag_id not in self.may_not_run | self.cannot_see

    def must_trigger(self, dag_id: str) -> None:
        if not self.may_trigger(dag_id):
            raise HTTPException(403, "no")

    def must_read(self, dag_id: str) -> None:
        if dag_id in self.cannot_see:
            raise HTTPException(403, "no")

    def readable(self) -> set[str]:
        return set(DAGS) - self.cannot_see


def send(airflow: FakeAirflow, form: Form, who: Any = None, dag_id: str = "core_shop") -> Any:
    return compute_again(who or Somebody(), airflow.api, dag_id, form)


def text(page: Any) -> str:
    return " ".join(bytes(page.body).decode().split())


def test_everything_behind_a_pipeline_follows_it_in_order(catalog: Catalog) -> None:  # noqa: F811
    assert chain(catalog, "core_shop") == ["core_shop", "unit_profit", "investor_profit"]
    assert chain(catalog, "investor_profit") == ["investor_profit"]
    assert chain(catalog, "core_shop", sources=True) == ["shop", "core_shop", "unit_profit", "investor_profit"]


def test_with_the_sources_comes_all_that_lies_between(catalog: Catalog) -> None:  # noqa: F811
    found = chain(catalog, "investor_profit", sources=True)
    assert sorted(found) == sorted(DAGS)
    assert all(found.index(name) > found.index(read) for name in found for read in catalog.inputs_of(name))


@pytest.mark.parametrize(
    ("form", "error"),
    [
        (replace(FORM, first=""), "fill in the first day"),
        (replace(FORM, last="2026-11-01"), "ends on 2026-11-01, before it begins on 2026-11-03"),
        (replace(FORM, last="2026-11-20"), "2026-11-20 has not ended yet"),
        (replace(FORM, first="3 November"), "'3 November' is no day"),
        (replace(FORM, first="1026-11-03"), "lies before 2000-01-01, the first day that there is data for"),
        (replace(WAIVE, reason=""), "why the figures are right"),
        (replace(WAIVE, figures=[]), "tick the figures that are right: no others are waived"),
    ],
)
def test_what_makes_no_sense_is_refused(form: Form, error: str) -> None:
    with pytest.raises(BadRequest, match=error):
        checked(form, TODAY)


def test_days_and_reason_become_the_params_of_the_runs() -> None:
    assert checked(FORM, TODAY)[1] == {"from": "2026-11-03", "to": "2026-11-05"}
    assert checked(replace(FORM, last=""), TODAY)[1] == {"from": "2026-11-03", "to": "2026-11-03"}
    assert checked(WAIVE, TODAY)[1] == {"from": "2026-11-03", "to": "2026-11-05", "accept": "a sale", "figures": NAMES[:1]}
    assert checked(replace(FORM, reason="typed into nothing"), TODAY)[1] == {"from": "2026-11-03", "to": "2026-11-05"}


def test_one_click_starts_one_run_per_dag_in_order_and_twice_is_once(catalog: Catalog) -> None:  # noqa: F811
    airflow = FakeAirflow(dags=DAGS)
    answer = send(airflow, FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "core_shop/again__2026-11-03__2026-11-05__123")
    assert [dag_id for dag_id, _, _ in airflow.started] == ["core_shop", "unit_profit", "investor_profit"]
    assert {run_id for _, run_id, _ in airflow.started} == {"again__2026-11-03__2026-11-05__123"}
    assert all(conf == {"from": "2026-11-03", "to": "2026-11-05"} for _, _, conf in airflow.started)
    assert send(airflow, FORM).status_code == 303
    assert len(airflow.started) == 3


def test_a_waiver_goes_with_every_run_of_the_chain(catalog: Catalog) -> None:  # noqa: F811
    airflow = FakeAirflow(dags=DAGS)
    send(airflow, replace(WAIVE, sources=True))
    assert [dag_id for dag_id, _, _ in airflow.started] == ["shop", "core_shop", "unit_profit", "investor_profit"]
    assert all((conf["accept"], conf["figures"]) == ("a sale", NAMES[:1]) for _, _, conf in airflow.started)


def test_what_one_may_not_run_or_would_only_wait_is_left_out(catalog: Catalog) -> None:  # noqa: F811
    airflow = FakeAirflow(dags=[*DAGS[:-1]], paused=["unit_profit"], refused={"app": 403})
    who: Any = Somebody(may_not_run={"core_shop"})
    chosen = ["app", "core_shop", "unit_profit", "investor_profit", "shop"]
    steps = start(airflow.api, who, dags(airflow.api), chosen, "again__1", {})
    assert [step.note for step in steps] == [
        "you have no right to run it",
        "you have no right to run it",
        "it is paused: unpause it, then compute it again",
        "Airflow has no such DAG",
        "",
    ]
    assert [dag_id for dag_id, _, _ in airflow.started] == ["shop"]


def test_bad_input_is_told_beside_the_form_which_keeps_it(catalog: Catalog) -> None:  # noqa: F811
    airflow = FakeAirflow(dags=DAGS)
    told = ["3 November <b>", "5 November"]
    form = Form("waive", "2026-11-05", "2026-11-03", 'a "big" <sale>', NAMES, told, NAMES[1:], sources=True, key="123")
    answer = send(airflow, form)
    assert (answer.status_code, airflow.started) == (400, [])
    html = text(answer)
    assert 'role="alert" id="waive-error">The range ends on 2026-11-03, before it begins on 2026-11-05' in html
    assert 'name="from" value="2026-11-05" aria-describedby="waive-error"' in html
    assert 'name="reason" value="a &#34;big&#34; &lt;sale&gt;"' in html
    assert 'name="sources" value="1" checked' in html
    ticked = [f'name="figures" value="{name}"{" checked" if name == NAMES[1] else ""}>' in html for name in NAMES]
    assert (ticked, html.count('name="found"')) == ([True, True], 2)
    assert html.count('value="3 November &lt;b&gt;"') == html.count(">3 November &lt;b&gt;</span>") == 1
    open_day = send(airflow, replace(FORM, last=str(datetime.now(UTC).date() + timedelta(days=2))))
    assert "has not ended yet" in text(open_day)


def test_a_paused_pipeline_is_told_before_anything_is_started(catalog: Catalog) -> None:  # noqa: F811
    airflow = FakeAirflow(dags=DAGS, paused=["core_shop"])
    assert "Core_shop: it is paused: unpause it" in text(send(airflow, FORM))
    assert airflow.started == []


@pytest.mark.parametrize("who", [Somebody(may_not_run={"core_shop"}), Somebody(cannot_see={"core_shop"})])
def test_nobody_starts_what_they_may_not(catalog: Catalog, who: Any) -> None:  # noqa: F811
    airflow = FakeAirflow(dags=DAGS)
    with pytest.raises(HTTPException, match="403"):
        send(airflow, FORM, who)
    assert airflow.started == []


def test_afterwards_one_sees_how_far_each_run_is_and_what_was_left_out(catalog: Catalog) -> None:  # noqa: F811
    conf = {"from": "2026-11-03", "to": "2026-11-05", "accept": "a sale", "figures": NAMES}
    states = {"shop": "success", "core_shop": "running"}
    runs = [run(name, "waive__1", state, datetime.now(UTC), conf=conf) for name, state in states.items()]
    who: Any = Somebody(may_not_run={"unit_profit"}, cannot_see={"investor_profit"})
    html = text(computed_again(who, FakeAirflow(runs, dags=DAGS).api, "core_shop", "waive__1"))
    assert html.index("shop</a>") < html.index("core_shop</a>") < html.index("unit_profit</th>")
    assert "unusual figures are waived: a sale" in html
    assert all(name in html for name in NAMES)
    assert "you have no right to run it" in html
    assert "1 more that you may not see was left out" in html
    assert "investor_profit" not in html
    with pytest.raises(HTTPException, match="404"):
        computed_again(who, FakeAirflow(dags=DAGS).api, "core_shop", "waive__1")


def figure(day: str) -> Figure:
    finding: dict[str, str | None] = {"ds": day, "measure": "net_revenue", "value": "5.000000", "expected": "1", "score": "9"}
    return Figure("core.order_lines", "checks.failed_rows.usual", "usual", finding)


def test_forms_are_filled_in(catalog: Catalog) -> None:  # noqa: F811
    days = Interval(date(2026, 11, 3), date(2026, 11, 6))
    compute, waive = forms(catalog, "core_shop", days, sources=True, figures=[figure("2026-11-04"), figure("2026-11-05")])
    assert (compute.what, compute.first, compute.last, compute.sources) == ("again", "2026-11-03", "2026-11-05", True)
    assert (waive.what, waive.first, waive.last, waive.sources) == ("waive", "2026-11-04", "2026-11-05", False)
    names = [f"core.order_lines.usual@2026-11-{day},net_revenue=5" for day in ("04", "05")]
    assert (waive.found, waive.figures) == (names, names), "all that are held back are ticked"
    assert waive.told[0] == "usual (core.order_lines): 2026-11-04, net_revenue: 5, expected 1, score 9 (limit 3.5)"
    assert [form.sources for form in forms(catalog, "shop", days, figures=[figure("2026-11-04")])] == [None, None]
    assert [form.what for form in forms(catalog, "core_shop", days)] == ["again"], "there is nothing to waive"


def test_what_a_browser_sends_is_read_as_it_was_typed() -> None:
    import asyncio

    from starlette.requests import Request

    def form(body: bytes) -> Form:
        async def receive() -> Any:
            return {"type": "http.request", "body": body}

        return asyncio.run(again.sent(Request({"type": "http", "method": "POST", "headers": []}, receive)))

    assert form(b"what=waive&from=2026-11-03&to=&reason=%C3%A9t%C3%A9+sale&with_sources=1&sources=1&key=12/../3") == Form(
        "waive", "2026-11-03", "", "été sale", sources=True, key="123"
    )
    assert form(b"what=waive&found=a&found=b&told=x&told=y&figures=b") == Form(
        "waive", found=["a", "b"], told=["x", "y"], figures=["b"]
    )
    assert form(b"what=again&from=x&with_sources=1") == Form("again", "x", sources=False)
    assert form(b"") == Form("again")
    assert form(b"what=\xff&from=%ff") == Form("again", "�")
