"""What is unusual holds the publication until somebody says why it is right; what cannot be told yet is said to be so."""

from datetime import date, timedelta
from typing import Any

import pytest
from tests.repository.written import ROOT
from tests.unit.steps.daily_report import daily_report

from headline.errors import BadData, NotChecked, SpecError
from headline.intervals import DAY
from headline.steps import Acceptance, write_audit_publish

TODAY = date(2026, 3, 1)
WEEK = timedelta(days=7)
CONTRACT = "sources/shop/orders.contract.yml"
CHECKS = """\
  - failed_rows:
      name: as much is paid as usual
      attributes: {kind: anomaly}
      query: |
        {% from 'checks/anomaly.jinja' import unusual with context %}
        {{ unusual(measure='amount', value='sum(amount)', at_least=0.4, floor=5, without_rows=0) }}
"""
SALE = Acceptance("The spring sale began.", by="ana")


@pytest.fixture
def shop(project: Any) -> Any:
    """Nine weeks in which 100 was paid a day, give or take 1, all of them published."""
    for name in ("checks/anomaly.jinja", "checks/interval.jinja"):
        project.write(name, (ROOT / "include/sql" / name).read_text())
    project.write(CONTRACT, (project.sql / CONTRACT).read_text() + CHECKS)
    days = [TODAY - DAY * ago for ago in range(9 * 7 + 1)]
    project.arrive({day: [("a", "60.00"), ("b", f"{40 + day.toordinal() % 3}.00")] for day in days})
    project.publish("shop", days[-1], days[0] - DAY)
    return project


def audited(shop: Any, amount: str | None = None, acceptance: Acceptance | None = None, first: date = TODAY) -> Any:
    """A run up to today, with so much paid today; its one result of the kind, and the run."""
    if amount is not None:
        shop.arrive({TODAY: [("a", amount)]})
    run = shop.run("shop", first, TODAY, acceptance=acceptance)
    [result] = [result for result in shop.audit(run, "raw.orders") if result.kind == "anomaly"]
    return result, run


def recorded(shop: Any) -> Any:
    [row] = [row for row in shop.ledger.latest_audits(["raw.orders"]) if row.kind == "anomaly"]
    return row


def test_a_usual_figure_passes(shop: Any) -> None:
    result, run = audited(shop)
    assert (result.outcome, result.sample) == ("passed", [])
    write_audit_publish(run)


def test_an_unusual_figure_holds_and_the_message_says_how_to_accept_it(shop: Any) -> None:
    with pytest.raises(BadData) as caught:
        audited(shop, "5000.00")
    message = str(caught.value)
    assert (
        "as much is paid as usual (checks.failed_rows.as_much_is_paid_as_usual): 2026-03-01, amount: 5,000, expected 101"
        in message
    )
    assert "trigger shop from 2026-03-01 to 2026-03-01 and say why under «Accept unusual figures»" in message
    assert recorded(shop).outcome == "failed"


def test_no_more_than_a_few_days_are_told(shop: Any) -> None:
    days = [TODAY - DAY * ago for ago in range(5)]
    shop.arrive({day: [("a", "5000.00")] for day in days})
    with pytest.raises(BadData) as caught:
        audited(shop, first=days[-1])
    assert "2026-02-27, amount: 5,000" in str(caught.value)
    assert "; and 2 more" in str(caught.value)
    assert "from 2026-02-25 to 2026-03-01" in str(caught.value)
    assert len(recorded(shop).sample) == 5


def test_what_is_computed_again_for_a_change_of_weeks_ago_is_not_asked_about(shop: Any) -> None:
    shop.arrive({TODAY: [("a", "100.00")], TODAY - WEEK: [("a", "5000.00")]})
    run = shop.run("shop", TODAY)
    with shop.stage(run) as (_, staged, _):
        assert len(staged["raw.orders"].intervals) == 2
    assert {result.outcome for result in shop.audit(run, "raw.orders")} == {"passed"}
    with pytest.raises(BadData, match="2026-02-22, amount: 5,000"):
        shop.audit(shop.run("shop", TODAY - WEEK), "raw.orders")


def test_with_too_few_weeks_behind_it_a_figure_is_learning(shop: Any) -> None:
    run = shop.run("shop", TODAY - DAY)
    assert "learning" not in {result.outcome for result in shop.audit(run, "raw.orders")}
    shop.query(f"delete from raw.orders where ds < date '{TODAY - 7 * WEEK}'")
    result, run = audited(shop)
    assert (result.outcome, result.sample) == ("learning", [])
    assert recorded(shop).outcome == "learning"
    assert write_audit_publish(run)


def test_an_accepted_figure_is_published_and_it_is_known_who_accepted_it_and_why(shop: Any) -> None:
    result, run = audited(shop, "5000.00", SALE)
    [row] = result.sample
    assert (result.outcome, row["accepted_by"], row["accepted_because"]) == ("accepted", "ana", "The spring sale began.")
    assert recorded(shop).sample == [row]
    assert write_audit_publish(run)


@pytest.mark.parametrize(
    ("amount", "outcome"), [("5000.00", "accepted"), ("5249.00", "accepted"), ("5251.00", None), ("4749.00", None)]
)
def test_what_was_accepted_is_not_asked_about_again_until_it_moves(shop: Any, amount: str, outcome: str | None) -> None:
    audited(shop, "5000.00", SALE)
    audited(shop, "5200.00")  # nearer to the border, but what was accepted is 5000
    if outcome is None:
        with pytest.raises(BadData, match="2026-03-01, amount"):
            audited(shop, amount)
    else:
        result, _ = audited(shop, amount)
        assert (result.outcome, result.sample[0]["accepted_value"]) == (outcome, "5000.000000")


def test_who_accepts_one_day_does_not_accept_another(shop: Any) -> None:
    audited(shop, "5000.00", SALE)
    shop.arrive({TODAY - DAY: [("a", "5000.00")]})
    with pytest.raises(BadData) as caught:
        audited(shop, first=TODAY - DAY)
    assert "2026-02-28, amount: 5,000" in str(caught.value)
    assert "2026-03-01, amount" not in str(caught.value)


def test_who_accepts_does_not_accept_a_stale_day_that_the_run_computes_besides(shop: Any) -> None:
    shop.arrive({TODAY: [("a", "5000.00")], TODAY - DAY: [("a", "7000.00")]})
    run = shop.run("shop", TODAY, acceptance=SALE)
    with shop.stage(run) as (_, staged, _):
        assert {day for interval in staged["raw.orders"].intervals for day in interval} == {TODAY - DAY, TODAY}
    with pytest.raises(BadData) as caught:
        shop.audit(run, "raw.orders")
    assert "2026-02-28, amount: 7,000" in str(caught.value)
    assert "2026-03-01, amount" not in str(caught.value)
    result, _ = audited(shop, acceptance=Acceptance("Both.", by="ben"), first=TODAY - DAY)
    assert result.outcome == "accepted"


def test_nothing_but_an_anomaly_can_be_accepted(shop: Any) -> None:
    shop.replace(CONTRACT, "description: Key of the order.", "checks: [duplicate: ], description: Key of the order.")
    shop.arrive({TODAY: [("a", "5000.00"), ("a", "1.00")]})
    with pytest.raises(BadData, match=r"1 of 4 checks failed(?s:.*)duplicate") as caught:
        audited(shop, acceptance=SALE)
    assert "Accept unusual figures" not in str(caught.value)
    assert recorded(shop).outcome == "accepted"


def test_an_anomaly_check_without_findings_is_refused(shop: Any) -> None:
    shop.replace(CONTRACT, "unusual(measure", "unusal(measure")
    with pytest.raises(SpecError, match="unusal"):
        audited(shop)
    shop.write(CONTRACT, (shop.sql / CONTRACT).read_text().partition("      query:")[0] + "      expression: amount > 5\n")
    with pytest.raises(SpecError, match=r"an anomaly check is a query of findings; see checks/anomaly\.jinja"):
        audited(shop)


def test_a_query_that_says_no_finding_checks_nothing(shop: Any) -> None:
    head = (shop.sql / CONTRACT).read_text().partition("        {% from")[0]
    shop.write(CONTRACT, head + "        select ds from raw.orders where amount > 1000000\n")
    with pytest.raises(NotChecked):
        audited(shop)


def test_what_was_accepted_upstream_is_accepted_in_what_is_computed_from_it(shop: Any) -> None:
    for path, text in daily_report("raw.orders", CHECKS).items():
        shop.write(path, text)
    shop.publish("daily", TODAY - DAY * 63, TODAY - DAY)
    shop.arrive({TODAY: [("a", "5000.00")]})
    write_audit_publish(shop.run("shop", TODAY, acceptance=SALE))
    [result] = [one for one in shop.audit(shop.run("daily", TODAY), "profit.totals") if one.kind == "anomaly"]
    [figure] = result.sample
    said = (figure["accepted_by"], figure["accepted_because"])
    assert (result.outcome, said) == ("accepted", ("ana", "accepted upstream in raw.orders: The spring sale began."))

    # Another day's was not; what reads it finds it all the same.
    shop.write(CONTRACT, (shop.sql / CONTRACT).read_text().replace(CHECKS, ""))
    shop.arrive({TODAY - DAY: [("a", "5000.00")]})
    shop.publish("shop", TODAY - DAY)
    with pytest.raises(BadData, match="2026-02-28, amount"):
        shop.audit(shop.run("daily", TODAY - DAY), "profit.totals")
