"""What is unusual holds the publication until somebody says why it is right; what cannot be told yet is said to be so."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from tests.repository.written import ROOT
from tests.unit.pipeline.daily_report import daily_report

from headline.errors import BadData, NotEvaluated, SpecError
from headline.intervals import DAY, Interval
from headline.ledger import Figures
from headline.local.figures import open_figures
from headline.pipeline import Waiver, write_audit_publish

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
SALE = Waiver("The spring sale began.", by="ana")
FIGURE = "raw.orders.as_much_is_paid_as_usual@2026-03-01,amount="


@pytest.fixture
def shop(project: Any, once: Any) -> Any:
    """Nine weeks in which 100 was paid a day, give or take 1, all of them published."""
    return once(project, nine_weeks)


def nine_weeks(project: Any) -> None:
    for name in ("checks/anomaly.jinja", "checks/interval.jinja"):
        project.write(name, (ROOT / "include/sql" / name).read_text())
    project.write(CONTRACT, (project.sql / CONTRACT).read_text() + CHECKS)
    days = [TODAY - DAY * ago for ago in range(9 * 7 + 1)]
    project.arrive({day: [("a", "60.00"), ("b", f"{40 + day.toordinal() % 3}.00")] for day in days})
    project.publish("shop", days[-1], days[0] - DAY)


def audited(shop: Any, amount: str | None = None, waiver: Waiver | None = None, first: date = TODAY) -> Any:
    """A run up to today, with so much paid today; its one result of the kind, and the run."""
    if amount is not None:
        shop.arrive({TODAY: [("a", amount)]})
    run = shop.run("shop", first, TODAY, waiver=waiver)
    [result] = [result for result in shop.audit(run, "raw.orders") if result.kind == "anomaly"]
    return result, run


def found(shop: Any, amount: str | None = None, first: date = TODAY) -> str:
    """What a run says that nobody waives, and that an unusual figure holds back."""
    with pytest.raises(BadData) as caught:
        audited(shop, amount, first=first)
    return str(caught.value)


def seen_and_waived(shop: Any, amount: str) -> Any:
    """Somebody has seen today's figure and waives it: the result, and the run."""
    found(shop, amount)
    return audited(shop, waiver=SALE)


def recorded(shop: Any) -> Any:
    [row] = [row for row in shop.ledger.latest_audits(["raw.orders"]) if row.kind == "anomaly"]
    return row


def test_a_usual_figure_passes(shop: Any) -> None:
    result, run = audited(shop)
    assert (result.outcome, result.sample) == ("passed", [])
    write_audit_publish(run)


def test_an_unusual_figure_holds_and_the_message_says_how_to_waive_it(shop: Any) -> None:
    message = found(shop, "5000.00")
    assert (
        "as much is paid as usual (checks.failed_rows.as_much_is_paid_as_usual): 2026-03-01, amount: 5,000, expected 101"
        in message
    )
    assert f"\n  {FIGURE}5000\n" in message
    assert 'headline trigger shop --from 2026-03-01 --to 2026-03-01 --accept "why they are right"' in message
    assert recorded(shop).outcome == "failed"


def test_no_more_than_a_few_days_are_told(shop: Any) -> None:
    days = [TODAY - DAY * ago for ago in range(5)]
    shop.arrive({day: [("a", "5000.00")] for day in days})
    with pytest.raises(BadData) as caught:
        audited(shop, first=days[-1])
    assert "2026-02-27, amount: 5,000" in str(caught.value)
    assert "; and 2 more" in str(caught.value)
    assert "--from 2026-02-25 --to 2026-03-01" in str(caught.value)
    assert len(recorded(shop).sample) == 5


def test_what_is_computed_again_for_a_change_of_weeks_ago_is_not_asked_about(shop: Any) -> None:
    shop.arrive({TODAY: [("a", "100.00")], TODAY - WEEK: [("a", "5000.00")]})
    run = shop.run("shop", TODAY)
    with shop.stage(run) as (_, staged, _):
        assert len(staged["raw.orders"].intervals) == 2
    assert {result.outcome for result in shop.audit(run, "raw.orders")} == {"passed"}
    with pytest.raises(BadData, match="2026-02-22, amount: 5,000"):
        shop.audit(shop.run("shop", TODAY - WEEK), "raw.orders")


def test_with_too_few_weeks_behind_it_a_figure_has_insufficient_history(shop: Any) -> None:
    run = shop.run("shop", TODAY - DAY)
    assert "insufficient_history" not in {result.outcome for result in shop.audit(run, "raw.orders")}
    shop.query(f"delete from raw.orders where ds < date '{TODAY - 7 * WEEK}'")
    result, run = audited(shop)
    assert (result.outcome, result.sample) == ("insufficient_history", [])
    assert recorded(shop).outcome == "insufficient_history"
    assert write_audit_publish(run)


def test_a_waived_figure_is_published_and_it_is_known_who_waived_it_and_why(shop: Any) -> None:
    result, run = seen_and_waived(shop, "5000.00")
    [row] = result.sample
    assert (result.outcome, row["accepted_by"], row["accepted_because"]) == ("waived", "ana", "The spring sale began.")
    assert recorded(shop).sample == [row]
    assert write_audit_publish(run)


def test_nobody_waives_what_nobody_has_seen(shop: Any) -> None:
    for _ in range(2):  # what the same run has found before its retry, nobody has seen either
        run = shop.run("shop", TODAY, run_id="waived", waiver=SALE)
        shop.arrive({TODAY: [("a", "5000.00")]})
        with pytest.raises(BadData) as caught:
            shop.audit(run, "raw.orders")
    assert f"What was waived is not among these, or has changed since it was seen:\n  {FIGURE}5000" in str(caught.value)
    result, _ = audited(shop, waiver=SALE)
    assert result.outcome == "waived", "by now another run has told it"


@pytest.mark.parametrize("amount", ["5000.01", "4999.99", "5200.00"])
def test_a_waiver_ends_when_the_figure_changes(shop: Any, amount: str) -> None:
    seen_and_waived(shop, "5000.00")
    result, _ = audited(shop, "5000.00")
    assert (result.outcome, result.sample[0]["accepted_by"]) == ("waived", "ana"), "the same figure is not asked about again"
    with pytest.raises(BadData) as caught:
        audited(shop, amount, SALE)
    assert f"{FIGURE}{amount.removesuffix('.00')}" in str(caught.value)
    assert "2026-03-01, amount" in found(shop, "5000.00"), "once ended, it is over"


def test_only_the_figures_that_are_named_are_waived(shop: Any) -> None:
    shop.arrive({TODAY: [("a", "5000.00")], TODAY - DAY: [("a", "7000.00")]})
    found(shop, first=TODAY - DAY)
    named = replace(SALE, figures=frozenset({f"{FIGURE}5000"}))
    with pytest.raises(BadData) as caught:
        audited(shop, waiver=named, first=TODAY - DAY)
    assert "2026-02-28, amount: 7,000" in str(caught.value)
    assert "2026-03-01, amount" not in str(caught.value)
    other = replace(SALE, by="ben", figures=frozenset({FIGURE.replace("03-01", "02-28") + "7000"}))
    result, _ = audited(shop, waiver=other, first=TODAY - DAY)
    assert (result.outcome, [row["accepted_by"] for row in result.sample]) == ("waived", ["ben", "ana"])
    changed = replace(SALE, figures=frozenset({f"{FIGURE}5000"}))
    with pytest.raises(BadData, match=r"2026-03-01,amount=6000"):
        audited(shop, "6000.00", changed)


def test_what_is_open_is_listed_until_it_is_waived_or_published(shop: Any) -> None:
    figures = Figures(shop.ledger.conn_id)

    def names() -> list[str]:
        found = [one.name for one in figures.open(["raw.orders"], Interval(TODAY - DAY, TODAY + DAY))]
        assert found == open_figures(["shop", "a_dag_without_tables"], TODAY, TODAY)
        return found

    found(shop, "5000.00")
    found(shop, "6000.00")
    assert names() == [f"{FIGURE}6000"]
    assert figures.open(["raw.orders"], Interval(TODAY - DAY, TODAY)) == figures.open(["raw.refunds"]) == []
    seen_and_waived(shop, "6000.00")
    assert names() == []
    found(shop, "7000.00")
    shop.arrive({TODAY: [("a", "100.00")]})
    shop.publish("shop", TODAY)
    assert names() == []


def test_who_waives_one_day_does_not_waive_another(shop: Any) -> None:
    seen_and_waived(shop, "5000.00")
    shop.arrive({TODAY - DAY: [("a", "5000.00")]})
    message = found(shop, first=TODAY - DAY)
    assert "2026-02-28, amount: 5,000" in message
    assert "2026-03-01, amount" not in message


def test_who_names_no_figure_waives_no_stale_day_that_the_run_computes_besides(shop: Any) -> None:
    shop.arrive({TODAY: [("a", "5000.00")], TODAY - DAY: [("a", "7000.00")]})
    found(shop)
    run = shop.run("shop", TODAY, waiver=SALE)
    with shop.stage(run) as (_, staged, _):
        assert {day for interval in staged["raw.orders"].intervals for day in interval} == {TODAY - DAY, TODAY}
    with pytest.raises(BadData) as caught:
        shop.audit(run, "raw.orders")
    assert "2026-02-28, amount: 7,000" in str(caught.value)
    assert "2026-03-01, amount" not in str(caught.value)
    result, _ = audited(shop, waiver=Waiver("Both.", by="ben"), first=TODAY - DAY)
    assert result.outcome == "waived"


def test_nothing_but_an_anomaly_can_be_waived(shop: Any) -> None:
    shop.replace(CONTRACT, "description: Key of the order.", "checks: [duplicate: ], description: Key of the order.")
    shop.arrive({TODAY: [("a", "5000.00"), ("a", "1.00")]})
    found(shop)
    with pytest.raises(BadData, match=r"1 of 4 checks failed(?s:.*)duplicate") as caught:
        audited(shop, waiver=SALE)
    assert "--accept" not in str(caught.value)
    assert recorded(shop).outcome == "waived"


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
    with pytest.raises(NotEvaluated):
        audited(shop)


def test_what_deviates_the_same_way_in_a_table_behind_needs_no_waiver_of_its_own_until_the_figure_changes(shop: Any) -> None:
    for path, text in daily_report("raw.orders", CHECKS).items():
        shop.write(path, text)
    shop.publish("daily", TODAY - DAY * 63, TODAY - DAY)
    write_audit_publish(seen_and_waived(shop, "5000.00")[1])
    [result] = [one for one in shop.audit(shop.run("daily", TODAY), "profit.totals") if one.kind == "anomaly"]
    [figure] = result.sample
    said = (figure["accepted_by"], figure["accepted_because"])
    assert (result.outcome, said) == ("waived", ("ana", "waived upstream in raw.orders: The spring sale began."))

    # A day that changed since, or another day, was not; what reads it finds it all the same.
    shop.write(CONTRACT, (shop.sql / CONTRACT).read_text().replace(CHECKS, ""))
    shop.arrive({TODAY - DAY: [("a", "5000.00")], TODAY: [("a", "9000.00")]})
    shop.publish("shop", TODAY - DAY, TODAY)
    for day, told in ((TODAY - DAY, "2026-02-28,amount=5000"), (TODAY, "2026-03-01,amount=9000")):
        with pytest.raises(BadData, match=told):
            shop.audit(shop.run("daily", day), "profit.totals")


def test_a_waiver_ends_behind_a_table_whose_own_figure_has_changed(shop: Any) -> None:
    for path, text in daily_report("raw.orders", CHECKS).items():
        shop.write(path, text)
    shop.publish("daily", TODAY - DAY * 63, TODAY - DAY)
    write_audit_publish(seen_and_waived(shop, "5000.00")[1])
    shop.arrive({TODAY: [("a", "100.00")]})
    shop.publish("shop", TODAY)
    shop.query(f"update raw.orders set amount = 5000 where ds = date '{TODAY}'")
    with pytest.raises(BadData, match="2026-03-01,amount=5000"):
        shop.audit(shop.run("daily", TODAY), "profit.totals")
