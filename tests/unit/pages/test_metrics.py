"""The pages of metrics: what they show, who may see it, and that every reading is recorded."""

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from tests.unit.figures.conftest import D2, issued, reported  # noqa: F401 (fixtures)
from tests.unit.pages.test_listings import Somebody

from headline.ledger import Reads
from headline.pages import errors, metrics
from headline.pages.visitor import visitor
from headline.serving import bundle, published
from headline.settings import PROJECT

SHOP, NOBODY = Somebody(sees={"core_shop"}), Somebody(sees={"shop"}, name="eve")


@pytest.fixture
def shop(issued: Any) -> Iterator[Any]:  # noqa: F811
    published.KEPT.clear()
    copytree(PROJECT / "include" / "sql" / "charts", issued.project.sql / "charts")
    (issued.project.sql.parent / "team.yml").write_text((PROJECT / "include" / "team.yml").read_text())
    issued.project.forget()
    return issued


def page(path: str, who: Somebody = SHOP) -> str:
    """A page in one line, or its status."""
    app = FastAPI(exception_handlers=errors.HANDLERS)
    app.include_router(metrics.router)
    app.dependency_overrides[visitor] = lambda: who
    answer = TestClient(app).get(f"/{path}")
    return " ".join(answer.text.split()) if answer.is_success else f"{answer.status_code} {answer.text}"


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_the_list_has_every_metric_of_pipelines_that_one_may_see(shop: Any) -> None:
    html = page("metrics")
    assert re.findall(r'href="metrics/(\w+)"', html) == ["daily_paid", "daily_given_back", "monthly_net"]
    assert "Monthly net What was paid and not given back. 193.00 EUR March 2026" in words(html)
    assert "There is no metric here that you may see" in page("metrics", NOBODY)


def test_a_metric_has_chart_periods_definition_and_links(shop: Any) -> None:
    html = page("metrics/daily_paid?from=2026-03-01&to=2026-03-03")
    told = words(html)
    assert "Sun 2026-03-01 120.00 no comparison 100.0% complete, issued" in told
    assert "Mon 2026-03-02 50.00 ▼ −58.3 % worse 100.0%" in told
    assert html.count('<svg role="img"') == 2
    assert "Daily paid in EUR. 3 values, lowest 30.00 (Tue 2026-03-03)" in html
    for link in (
        "../contracts/core_shop/daily_sales",
        "../catalog/core.daily_sales",
        "../runbooks/core_shop",
        "../../dags/core_shop",
    ):
        assert f'href="{link}"' in html
    assert "to investors; a difference of more than 5 EUR needs an approval" in told
    assert "sum(paid) as daily_paid" in told
    assert "from raw.orders" in told
    assert not re.findall(r"<script(?! src=)|\sstyle=|\son\w+=", html)


def test_segments_have_a_chart_and_a_line_each(shop: Any) -> None:
    html = page("metrics/daily_paid?by=kin%64&from=2026-03-01&to=2026-03-02")  # as a person in a query may be encoded
    assert re.findall(r'<tr><th scope="row">(\w+)</th>', html) == ["books", "toys"]
    assert "400" in page("metrics/daily_given_back?by=kind")


def test_restated_and_partial_periods_are_marked_and_other_readings_can_be_asked_for(shop: Any) -> None:
    shop.arrive({D2: [("b2", "51.00"), ("t2", "-7.00")]})
    shop.run(D2)
    told = words(page("metrics/daily_paid?from=2026-03-01&to=2026-03-03"))
    assert "◇ restated since it was first reported" in told
    assert "Mon 2026-03-02 51.00 ▼ −57.5 % worse 100.0% restated; first reported 50.00" in told
    assert "Mon 2026-03-02 50.00" in words(page("metrics/daily_paid?from=2026-03-01&to=2026-03-03&read=first"))
    early = words(page("metrics/daily_paid?read=as_of&as_of=2026-01-01&from=2026-03-01&to=2026-03-03"))
    assert "Nothing of these days was issued as of that day." in early
    shop.arrive({date(2026, 4, 1): [("b5", "999.00")]})
    shop.run(date(2026, 4, 1))
    told = words(page("metrics/daily_paid?from=2026-04-01&to=2026-04-01"))
    assert "▲ partial: rows are missing" in told
    assert "999.00 no comparison 50.0% partial, coverage 50.0%" in told


def test_every_reading_is_recorded_with_who_and_what(shop: Any) -> None:
    page("metrics")
    page("metrics/daily_paid?by=kin%64&from=2026-03-01&to=2026-03-02")  # as a person in a query may be encoded
    one, all_of_them = Reads().newest(2)
    assert (one.reader, one.channel, one.names, one.row_count) == ("ada", "page", ("daily_paid",), 6)
    assert one.detail == "/metrics/daily_paid?by=kind&from=2026-03-01&to=2026-03-02"
    assert all_of_them.names == ("daily_paid", "daily_given_back", "monthly_net")


def test_who_may_not_see_the_dag_reads_no_metric_of_it(shop: Any) -> None:
    before = len(Reads().newest())
    assert page("metrics/daily_paid", NOBODY).startswith("403")
    assert page("metrics/profit").startswith("404")
    assert len(Reads().newest()) == before


@pytest.mark.parametrize("asked", ["from=2026-03-05&to=2026-03-01", "from=soon", "by=colour", "read=later"])
def test_what_is_no_question_is_refused(shop: Any, asked: str) -> None:
    assert page(f"metrics/daily_paid?{asked}")[:3] in ("400", "422")


def test_the_script_that_draws_charts_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, project: Any) -> None:
    made = []
    monkeypatch.setattr("vl_convert.javascript_bundle", lambda *_: made.append(1) or "vegaEmbed")
    assert [bundle.bundle().read_text(), bundle.bundle().read_text(), made] == ["vegaEmbed", "vegaEmbed", [1]]
    assert page("static/vega.js") == "vegaEmbed"
