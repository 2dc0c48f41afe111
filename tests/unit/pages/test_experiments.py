"""The pages of experiments: one sentence for each metric, only of readouts that the visitor may see, and a row of audit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from fastapi import FastAPI, HTTPException
from fastapi.testclient import TestClient

from headline.ledger.reads import Read
from headline.pages import errors, experiments
from headline.pages.conclusions import MARGIN, WIDTH, Conclusion
from headline.pages.visitor import visitor

DAY = date(2026, 11, 19)


def row(**changed: Any) -> dict[str, Any]:
    """A row of a readout."""
    lift = {"cuped_absolute_lift": "1.2", "cuped_absolute_lift_low": "0.6", "cuped_absolute_lift_high": "1.8"}
    always = {"cuped_absolute_lift_always_valid_low": "0.3", "cuped_absolute_lift_always_valid_high": "2.1"}
    numbers = {name: Decimal(value) for name, value in {**lift, **always, "absolute_lift": "1.3", "metric_value": "5"}.items()}
    numbers |= {"control_value": Decimal("3.8"), "cuped_relative_lift": Decimal("0.3158"), "variance_reduction": Decimal("0.25")}
    texts = {"experiment_id": "E1", "variant": "B", "metric_name": "net_profit_per_user", "control_variant": "A"}
    counts = {"exposed_users": 3000, "control_users": 2900, "minimum_users": 500}
    state = {"conclusion_type": "higher", "contaminated_share": Decimal("0.004"), "coverage": Decimal(1)}
    return {"ds": DAY, **texts, **counts, **numbers, **state, "is_partial": False, "is_provisional": False, **changed}


SENTENCES = [
    ({}, "Net profit per user is higher in B than in A: +1.2 (+0.3 to +2.1), always-valid 95 %."),
    ({"conclusion_type": "undecided"}, "Net profit per user may be the same in B and A: +1.2 (+0.3 to +2.1), always-valid 95 %."),
    ({"conclusion_type": "too_few_users", "control_users": 312}, "Too early: 312 users of 500 in each variant."),
    (
        {"conclusion_type": "sample_ratio_mismatch"},
        "Not valid: sample ratio mismatch. The users are not split as planned, so that no lift says anything.",
    ),
    (
        {"conclusion_type": "undecided", "cuped_absolute_lift": None, "metric_name": "net_margin"},
        "Net margin cannot be compared: nothing to divide by in B or A.",
    ),
    (
        {"metric_name": "buyer_share", "conclusion_type": "lower", "cuped_absolute_lift": Decimal("-0.0123")},
        "Buyer share is lower in B than in A: -1.23 pp (+30 pp to +210 pp), always-valid 95 %.",
    ),
]


@pytest.mark.parametrize(("changed", "sentence"), SENTENCES)
def test_one_sentence_says_what_may_be_concluded(changed: dict[str, Any], sentence: str) -> None:
    assert Conclusion(row(**changed)).sentence == sentence


def test_caveats_are_those_that_limit_it() -> None:
    assert Conclusion(row()).caveats == []
    limited = Conclusion(
        row(contaminated_share=Decimal("0.02"), is_partial=True, coverage=Decimal("0.987"), is_provisional=True)
    ).caveats
    assert limited == [
        "2.0% of the users were shown two variants; they count in none",
        "days are partial: coverage 98.7%",
        "refunds may still arrive: the window of 30 days is open",
    ]


def test_the_picture_holds_all_of_it_in_order() -> None:
    drawn = Conclusion(row()).picture
    assert drawn is not None
    assert MARGIN == drawn.zero < drawn.always_valid_low < drawn.low < drawn.lift < drawn.high < drawn.always_valid_high
    assert drawn.always_valid_high == WIDTH - MARGIN
    assert Conclusion(row(cuped_absolute_lift_low=None)).picture is None


@dataclass(frozen=True)
class Somebody:
    sees: set[str] = field(default_factory=lambda: {"unit_profit", "daily_growth"})
    name: str = "ada"

    def readable(self) -> set[str]:
        return self.sees

    def must_read(self, dag_id: str) -> None:
        if dag_id not in self.sees:
            raise HTTPException(403, "no")


ROWS = {
    "profit.experiment_readout": [
        row(),
        row(metric_name="net_margin", conclusion_type="undecided"),
        row(experiment_id="<b>E2</b>", conclusion_type="sample_ratio_mismatch"),
    ],
    "growth.experiment_readout": [row(metric_name="active_days_per_user", conclusion_type="too_few_users", exposed_users=7)],
}


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Read]]:
    recorded: list[Read] = []

    class Ledger:
        def newest_publications(self) -> dict[str, None]:
            return dict.fromkeys(ROWS)

        def record(self, *some: Read) -> None:
            recorded.extend(some)

    monkeypatch.setattr(experiments, "Ledger", Ledger)
    monkeypatch.setattr("headline.ledger.reads.Reads", Ledger)
    monkeypatch.setattr(experiments, "_newest", lambda table: [Conclusion(one) for one in ROWS[table]])
    return recorded


def server(who: Somebody) -> TestClient:
    app = FastAPI(exception_handlers=errors.HANDLERS)
    app.include_router(experiments.router)
    app.dependency_overrides[visitor] = lambda: who
    return TestClient(app)


def test_the_list_has_a_sentence_for_each_experiment(reads: list[Read]) -> None:
    html = server(Somebody()).get("/experiments").text
    assert "Net profit per user is higher in B than in A" in html
    assert "Too early: 7 users of 500" in html
    assert "Net margin" not in html
    assert '<a href="experiments/%3Cb%3EE2%3C%2Fb%3E">&lt;b&gt;E2&lt;/b&gt;</a>' in html
    assert reads == [Read("ada", "page", tuple(ROWS), "/experiments", 3)]


def test_an_experiment_has_all_its_metrics(reads: list[Read]) -> None:
    html = server(Somebody()).get("/experiments/E1").text
    assert "Profit: B against A" in html
    assert "Growth: B against A" in html
    assert html.count("<svg") == 3
    assert 'aria-label="Lift +1.2, always-valid interval +0.3 to +2.1"' in html
    assert [(one.detail, one.row_count) for one in reads] == [("/experiments/E1", 3)]


def test_what_a_visitor_may_not_see_is_not_there(reads: list[Read]) -> None:
    html = server(Somebody({"daily_growth"})).get("/experiments").text
    assert "Too early" in html
    assert "Net profit" not in html
    assert server(Somebody({"daily_growth"})).get("/experiments/%3Cb%3EE2%3C%2Fb%3E").status_code == 404
    assert {name for one in reads for name in one.names} == {"growth.experiment_readout"}
    assert server(Somebody()).get("/experiments/%3Cb%3EE2%3C%2Fb%3E").status_code == 200
    assert server(Somebody(set())).get("/experiments/E1").status_code == 403
    assert "no readout that you may see" in server(Somebody(set())).get("/experiments").text


def test_an_experiment_that_does_not_exist_has_no_page(reads: list[Read]) -> None:
    assert server(Somebody()).get("/experiments/E9").status_code == 404
