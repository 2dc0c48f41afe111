"""Why a day is as it is: each state, its root cause and the command, from a ledger as runs leave it."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import update
from tests.unit.records import record

from headline import specs
from headline.errors import BadData, BadRequest
from headline.intervals import DAY, Interval
from headline.ledger import (
    CheckResult,
    ColumnChange,
    HeldDay,
    HeldDays,
    Ledger,
    Locks,
    Published,
    SchemaChange,
    SchemaChanges,
    StagingTable,
    tables,
)
from headline.ledger.incident import Finding
from headline.ledger.incidents import Incidents
from headline.pipeline import write_audit_publish
from headline.why.inquiry import LINES, explain

D1 = date(2026, 3, 1)
SOON = datetime(2026, 3, 2, 1, tzinfo=UTC)  # before the deadlines of the first day
NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
FINDING = {"ds": str(D1), "measure": "amount", "value": "5000.000000", "expected": "100", "score": "9", "finding": "outlier"}


@pytest.fixture
def shop(project: Any, once: Any) -> Any:
    """The first day is published from end to end."""
    return once(project, one_day)


def one_day(project: Any) -> None:
    project.arrive({D1: [("a", "1.50"), ("b", "2.50")]})
    project.publish("shop", D1)
    project.publish("core_shop", D1)


def told(project: Any, table: str, day: date = D1, now: datetime = NOW) -> str:
    """The lines about a day, which are never more than five."""
    catalog = specs.load()
    answer = explain(catalog, project.ledger, catalog.table(table), day, now, project.warehouse)
    assert 1 < len(answer.lines) <= LINES
    return "\n".join(answer.lines)


def test_a_complete_day_says_since_when(shop: Any) -> None:
    text = told(shop, "core.orders")
    assert text.startswith("core.orders 2026-03-01: complete. Since 20")
    assert text.endswith("Next: nothing")


def test_a_day_made_by_earlier_code_says_what_computes_it_anew(shop: Any) -> None:
    shop.replace("core/core_shop/orders.sql", "amount < 0", "amount < 0.00")
    text = told(shop, "core.orders")
    assert "An earlier version of its SQL or contract made it." in text
    assert text.endswith("Next: headline trigger core_shop --from 2026-03-01 --to 2026-03-01")


@pytest.mark.parametrize(("now", "state"), [(SOON, "missing"), (NOW, "late")])
def test_a_day_that_waits_names_the_first_input_that_is_not_there(project: Any, now: datetime, state: str) -> None:
    lines = told(project, "core.running_totals", now=now).splitlines()
    due = "was due" if state == "late" else "is due"
    assert lines == [
        f"core.running_totals 2026-03-01: {state}. Nothing of it is published; it {due} at 2026-03-02 03:00 UTC.",
        "Why: it waits for raw.orders 2026-03-01",
        "Root cause: landing.orders 2026-03-01, missing: nothing of it has arrived from shop: orders_2026-03-01.csv behind the "
        "connection headline_drop",
        "Next: Ask the source's owner. When it is there: headline trigger shop --from 2026-03-01 --to 2026-03-01",
    ]


def test_a_day_whose_inputs_are_there_says_that_its_run_is_missing(project: Any) -> None:
    project.arrive({D1: [("a", "1.50")]})
    project.publish("shop", D1)
    text = told(project, "core.orders")
    assert "its run has not started, is paused or was not created" in text
    assert "Next: headline trigger core_shop --from 2026-03-01 --to 2026-03-01\n  headline unpause core_shop" in text


def test_a_run_at_work_is_named(project: Any) -> None:
    project.arrive({D1: [("a", "1.50")]})
    project.publish("shop", D1)
    locks = Locks("headline: core_shop scheduled__2026-03-02")
    with locks.exclusive("run of a test"):
        text = told(project, "core.orders")
    locks.close()
    assert "the run scheduled__2026-03-02 is at work since 20" in text


def test_a_day_held_back_by_its_audit_names_check_rows_and_key(shop: Any) -> None:
    shop.arrive({D1: [("a", "2.50"), ("a", "2.50")]})
    shop.publish("shop", D1)
    with pytest.raises(BadData):
        write_audit_publish(shop.run("core_shop", D1, run_id="manual__1"))
    lines = told(shop, "core.orders").splitlines()
    assert lines[0].startswith("core.orders 2026-03-01: held back. Readers have what was computed on ")
    assert "Also stale." in lines[0]
    assert "«No duplicate values» found 1, must be 0" in lines[1]
    assert "order_id=a, row_count=2 (run manual__1" in lines[1]
    assert lines[2] == "Next: See its rows beside what is published: headline inspect core.orders manual__1"
    assert "headline trigger shop core_shop --from 2026-03-01 --to 2026-03-01" in lines[3]


def test_a_table_that_another_of_its_pipeline_holds_back_names_it(shop: Any) -> None:
    shop.arrive({D1: [("a", "2.50"), ("a", "2.50")]})
    shop.publish("shop", D1)
    with pytest.raises(BadData):
        shop.publish("core_shop", D1)
    assert "Why: core.orders of the same pipeline: failed: «No duplicate values» found 1, must be 0" in told(
        shop, "core.running_totals"
    )


def failed(project: Any, outcome: str = "failed", **more: str) -> Any:
    path, name = "checks.failed_rows.as_much_is_paid_as_usual", "as much is paid as usual"
    result = CheckResult(path, name, "failed_rows", outcome, Decimal(1), "must be 0", "anomaly", [FINDING | more])
    staging_table = StagingTable("k", "core.orders", [Interval(D1, D1 + DAY)], 1, 1, "transformed", "run 1")
    project.ledger.record_staging_table(staging_table)
    project.ledger.record_audit(staging_table, [result], "failed" if outcome == "failed" else "passed")


def test_an_unusual_figure_that_holds_a_day_back_says_how_to_waive_it(shop: Any) -> None:
    failed(shop)
    text = told(shop, "core.orders")
    assert "held back" in text
    assert 'headline trigger core_shop --from 2026-03-01 --to 2026-03-01 --accept "why it is right"' in text


def test_a_waived_day_says_who_waived_what_and_why(shop: Any) -> None:
    failed(shop, "waived", accepted_value="5000.000000", accepted_by="ines", accepted_because="The sale began.")
    text = told(shop, "core.orders")
    assert text.startswith(
        "core.orders 2026-03-01: waived. Published with 1 unusual figure(s) that somebody waived, such as core.ord"
    )
    assert "Why: ines waived «as much is paid as usual»: The sale began." in text


def test_a_stale_day_goes_back_to_the_file_that_arrived_again(shop: Any) -> None:
    shop.arrive({D1: [("a", "1.50"), ("b", "2.50"), ("c", "4.00")]})
    shop.publish("shop", D1)
    lines = told(shop, "core.orders", now=NOW + timedelta(days=100)).splitlines()
    assert lines[0].startswith("core.orders 2026-03-01: stale. Readers have it as of ")
    assert lines[0].endswith("; raw.orders 2026-03-01 changed after that.")
    assert lines[1].startswith("Why: it lies before the restatement window")
    assert lines[2].startswith("Root cause: landing.orders 2026-03-01, changed: arrived again, read on ")
    assert ": 3 rows (2 before), " in lines[2]
    assert lines[3] == "Next: headline trigger core_shop --from 2026-03-01 --to 2026-03-01"


def test_a_day_within_the_restatement_window_may_wait(shop: Any) -> None:
    shop.arrive({D1: [("a", "1.50")]})
    shop.publish("shop", D1)
    assert told(shop, "core.orders").endswith("  wait, the pipeline's next run computes it too")


def test_a_complete_day_whose_input_is_stale_says_that_it_will_change(shop: Any) -> None:
    shop.arrive({D1: [("a", "1.50")]})
    lines = told(shop, "core.orders").splitlines()
    assert lines[0].startswith("core.orders 2026-03-01: complete.")
    assert lines[0].endswith("It will change.")
    assert lines[1] == "Why: what it is computed from is not well: raw.orders 2026-03-01, stale"
    assert lines[3].startswith("Next: headline trigger shop")


def test_a_restated_day_says_how_often_and_why(shop: Any) -> None:
    shop.arrive({D1: [("a", "1.50")]})
    shop.publish("shop", D1)
    shop.publish("core_shop", D1)
    text = told(shop, "core.running_totals")
    assert text.startswith("core.running_totals 2026-03-01: restated. Published on ")
    assert ", restated 1 time, last on " in text
    assert "Root cause: landing.orders 2026-03-01, changed: arrived again" in text
    assert "1 rows (2 before)" in text


def test_a_restatement_by_other_code_says_so(shop: Any) -> None:
    shop.replace("core/core_shop/orders.sql", "amount < 0", "amount < 2")
    shop.publish("core_shop", D1)
    assert "with another version of its SQL, contract or macros" in told(shop, "core.orders")


def test_a_partial_day_counts_what_was_quarantined_and_its_money(telling: Any) -> None:
    telling.arrive({D1: [("a", "1.50"), ("b", "-2.25"), ("c", "-10.00")]})
    telling.publish("shop", D1)
    telling.publish("core_shop", D1)
    lines = told(telling, "core.running_totals").splitlines()
    assert lines[0].startswith("core.running_totals 2026-03-01: partial. Readers have ")
    assert lines[0].endswith("Coverage 33.33%.")
    assert lines[1] == "Why: 2 rows of quarantine.orders: negative_amount, amount -12.25"
    assert lines[2] == (
        """Next: headline query "select * from quarantine.orders where ds >= date '2026-03-01' and ds < date '2026-03-02'\""""
    )


def test_a_period_left_in_doubt_by_a_dead_run_is_stale(shop: Any) -> None:
    with shop.ledger._begin() as connection:
        connection.execute(
            update(tables.period_state).where(tables.period_state.c.table_name == "core.orders").values(fingerprint="")
        )
    assert "core.orders 2026-03-01: stale." in (text := told(shop, "core.orders"))
    assert "a run died while it published it" in text


def test_a_failed_task_is_told_from_its_incident(project: Any) -> None:
    facts = {"task_id": "ingest", "error": "the server answered 503", "run_id": "scheduled__1", "try_number": 4}
    found = Incidents().fire(Finding("shop", "task_failed", D1, NOW, facts), NOW)
    Incidents().acknowledge(found.id, "ines")
    text = told(project, "raw.orders")
    assert text.startswith("raw.orders 2026-03-01: failed. Nothing of it is published.")
    assert "task ingest failed at try 4; the server answered 503 (incident" in text
    assert f"  incident {found.id} is acknowledged by ines" in text
    assert "headline retry shop" in text
    assert "Root cause: raw.orders 2026-03-01, failed: task ingest failed" in told(project, "core.running_totals")


def test_other_columns_of_a_source_are_the_root_cause(project: Any) -> None:
    change = ColumnChange("amount", "retyped", "decimal(18, 4)", "text")
    SchemaChanges().record(SchemaChange("landing.orders", D1, "kept.parquet", "run", {"amount": "text"}, [change]))
    text = told(project, "core.orders")
    assert "Root cause: landing.orders 2026-03-01, failed: shop has other columns since 2026-03-01: amount: was decimal" in text
    assert "Next: headline contract diff raw.orders" in text


def test_a_day_that_has_not_ended_is_open(shop: Any) -> None:
    assert told(shop, "core.orders", NOW.date()).startswith(f"core.orders {NOW.date()}: open. The day has not ended")


@pytest.mark.parametrize(("day", "complaint"), [(date(1999, 12, 31), "lies before"), (date(2026, 3, 4), "has not begun")])
def test_days_that_cannot_be_there_are_refused(project: Any, day: date, complaint: str) -> None:
    with pytest.raises(BadRequest, match=complaint):
        told(project, "core.orders", day)


@pytest.fixture
def monthly(project: Any) -> Any:
    """core.running_totals is one row a month."""
    project.replace("core/core_shop/pipeline.yml", "running_totals:\n", "running_totals:\n    period: month\n")
    return project


def month(status: str, coverage: Decimal = Decimal(1)) -> Published:
    return Published("core.running_totals", Interval(date(2026, 2, 1), date(2026, 3, 1)), "1:a", 1, status, coverage)


def test_a_month_is_told_by_any_of_its_days(monthly: Any) -> None:
    record(monthly.ledger, month("complete"))
    assert told(monthly, "core.running_totals", date(2026, 2, 14)).startswith("core.running_totals 2026-02: complete.")


def test_a_month_that_ended_after_it_was_published_lacks_its_last_days(monthly: Any) -> None:
    record(monthly.ledger, month("open"))
    text = told(monthly, "core.running_totals", date(2026, 2, 14))
    assert text.startswith("core.running_totals 2026-02: partial.")
    assert "Why: it was published before it had ended" in text
    assert text.endswith("Next: headline trigger core_shop --from 2026-02-01 --to 2026-02-28")


def test_the_month_that_is_going_on_is_open(monthly: Any) -> None:
    today = datetime.now(UTC)
    this = Interval(today.date(), today.date() + DAY).widen("month")
    record(monthly.ledger, Published("core.running_totals", this, "1:a", 1, "open"))
    text = told(monthly, "core.running_totals", today.date(), today)
    assert f"core.running_totals {today:%Y-%m}: open. It has not ended" in text


def test_a_reading_that_is_held_is_told_beside_the_day(shop: Any) -> None:
    found = "100 % of its keys are gone"
    HeldDays().hold([HeldDay("landing.orders", D1, "kept.parquet", "run 2", found)])
    text = told(shop, "raw.orders")
    assert text.startswith("raw.orders 2026-03-01: held back. Readers have what was computed on ")
    assert f"landing.orders: a later reading is not loaded: {found}; it is kept: kept.parquet" in text
    assert "Root cause: raw.orders 2026-03-01, held back" in told(shop, "core.running_totals")


def test_every_table_of_the_repository_can_be_asked_about(ledger: Ledger, forget_settings: Any) -> None:
    """Of a company that has begun today every table is late for want of what its sources send."""
    catalog = specs.load()
    for table in catalog.tables.values():
        answer = explain(catalog, ledger, table, D1, NOW)
        assert 3 <= len(answer.lines) <= LINES
        assert answer.standing.state == "late"
        assert answer.root
        assert answer.root.table.startswith("landing.")
