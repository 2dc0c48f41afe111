"""A transform writes a candidate for exactly the days that must be computed."""

from datetime import date
from typing import Any

import pytest

from headline.errors import BadData, SpecError, Transient
from headline.intervals import DAY, Interval, requested_interval
from headline.ledger import Load
from headline.steps import publish, transform
from headline.steps.ingest import ingest
from headline.warehouse import candidate_name

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)


@pytest.fixture
def shop(project: Any) -> Any:
    project.arrive({D1: [("a", "1.00")], D2: [("b", "10.00"), ("x", "-1.00")], D3: [("c", "100.00")]})
    project.publish("shop", D1, D3)
    return project


def candidate(project: Any, run: Any, name: str) -> list[Any]:
    return project.query(f"select * from {candidate_name(name, run.key)} order by ds, 2")


def test_valid_and_refused_rows_are_split_with_the_reason(shop: Any) -> None:
    run = shop.run("core_shop", D1, D2)
    done = transform(run, run.pipeline.tables["orders"])
    assert done.row_count == 2
    assert [(row[0], row[1]) for row in candidate(shop, run, "core.orders")] == [(D1, "a"), (D2, "b")]
    assert [(row[1], row[3]) for row in candidate(shop, run, "quarantine.orders")] == [("x", "negative_amount")]


def test_a_later_table_reads_the_candidate_over_what_is_published(shop: Any) -> None:
    shop.publish("core_shop", D1, D2)
    run = shop.run("core_shop", D3)
    for table in run.pipeline.ordered_tables:
        done = transform(run, table)
    assert "candidate.core__orders__" in done.compiled_sql
    assert [(row[0], int(row[1])) for row in candidate(shop, run, "core.running_totals")] == [(D3, 111)]
    assert shop.query("select max(ds) from core.running_totals") == [(D2,)]


def test_the_compiled_text_can_be_run_on_its_own(shop: Any) -> None:
    run = shop.run("core_shop", D1, D2)
    transform(run, run.pipeline.tables["orders"])
    done = transform(run, run.pipeline.tables["running_totals"])
    assert len(shop.query(done.compiled_sql)) == 2


def test_published_days_that_depend_on_a_change_are_computed_too(shop: Any) -> None:
    shop.publish("core_shop", D1, D2)
    shop.arrive({D1: [("a", "5.00")]})
    shop.publish("shop", D1)
    run = shop.run("core_shop", D3)
    done = {table.name: transform(run, table).intervals for table in run.pipeline.ordered_tables}
    assert done["orders"] == [Interval(D1, D2), Interval(D3, D3 + DAY)]
    assert done["running_totals"] == [Interval(D1, D3 + DAY)]


def test_a_transform_that_is_tried_again_starts_over(shop: Any) -> None:
    run = shop.run("core_shop", D1)
    table = run.pipeline.tables["orders"]
    assert transform(run, table) == transform(run, table)
    assert len(candidate(shop, run, "core.orders")) == 1


def test_two_runs_of_the_same_days_do_not_share_candidates(shop: Any) -> None:
    one, other = shop.run("core_shop", D1), shop.run("core_shop", D1)
    assert one.key != other.key
    transform(one, one.pipeline.tables["orders"])
    assert other.open_candidates() == {}
    assert shop.run("core_shop", D2, run_id=one.run_id).key == one.key


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("where ds >= date '{{ start }}' and ds < date '{{ end }}'", ""),
        ("    ds,\n", "    cast(ds + interval '1' day as date) as ds,\n"),
        ("    ds,\n", "    cast(null as date) as ds,\n"),
        ("ds < date '{{ end }}'", "ds <= date '{{ end }}'"),
    ],
)
def test_rows_outside_the_interval_are_refused(shop: Any, old: str, new: str) -> None:
    shop.replace("core/core_shop/orders.sql", old, new)
    run = shop.run("core_shop", D2)
    with pytest.raises(SpecError, match=r"orders\.sql: \d rows lie outside"):
        transform(run, run.pipeline.tables["orders"])
    assert run.open_candidates() == {}


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("select absent from raw.orders", SpecError),
        ("select ds, order_id, cast(order_id as decimal(18, 4)) as amount, null as quarantine_reason from raw.orders", BadData),
    ],
)
def test_sql_that_cannot_run_leaves_no_candidate(shop: Any, sql: str, error: type[Exception]) -> None:
    shop.write("core/core_shop/orders.sql", sql)
    run = shop.run("core_shop", D1)
    with pytest.raises(error):
        transform(run, run.pipeline.tables["orders"])
    assert run.open_candidates() == {}


MONTHLY = {
    "profit/monthly/pipeline.yml": """
        description: What was paid in each month.
        tier: 1
        lands_at: "04:00"
        tables:
          months:
            period: month
            reads:
              core.orders:
          latest:
            period: all
            reads:
              core.orders: {days_before: all}
        """,
    "profit/monthly/months.sql": """
        select cast(date_trunc('month', ds) as date) as month, cast(sum(amount) as decimal(18, 4)) as amount
        from core.orders
        where ds >= date '{{ start }}' and ds < date '{{ end }}'
        group by cast(date_trunc('month', ds) as date)
        """,
    "profit/monthly/months.contract.yml": """
        dataset: warehouse/profit/months
        description: One row per month.
        columns:
          - {name: month, data_type: date, description: Its first day.}
          - {name: amount, data_type: decimal, numeric_precision: 18, numeric_scale: 4, description: Paid in it.}
        checks: [{schema: }]
        """,
    "profit/monthly/latest.sql": "select max(ds) as last_day, count(*) as order_count from core.orders",
    "profit/monthly/latest.contract.yml": """
        dataset: warehouse/profit/latest
        description: One row in all.
        columns:
          - {name: last_day, data_type: date, description: Of the last order.}
          - {name: order_count, data_type: bigint, description: Orders.}
        checks: [{schema: }]
        """,
}


def test_months_and_tables_without_a_period_are_computed_whole(shop: Any) -> None:
    for path, text in MONTHLY.items():
        shop.write(path, text)
    april = date(2026, 4, 1)
    shop.arrive({april: [("z", "7.00")]})
    shop.publish("shop", april)
    shop.publish("core_shop", D1, april)
    shop.publish("monthly", D2)
    assert shop.query("select month, cast(amount as integer) from profit.months") == [(D1, 111)]
    assert shop.query("select last_day, order_count from profit.latest") == [(april, 4)]
    shop.publish("monthly", april)
    assert shop.query("select month, cast(amount as integer) from profit.months order by 1") == [(D1, 111), (april, 7)]
    shop.arrive({D1: [("a", "2.00")]})
    shop.publish("shop", D1)
    shop.publish("core_shop", D1)
    shop.publish("monthly", april)
    assert shop.query("select month, cast(amount as integer) from profit.months order by 1") == [(D1, 112), (april, 7)]
    assert shop.query("select count(*) from profit.latest") == [(1,)]


def test_a_day_without_a_file_has_the_columns_of_the_contract(project: Any) -> None:
    project.publish("shop", D1)
    assert project.query("select * from raw.orders") == []


def drop(project: Any, folder: Any, day: date, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"orders_{day}.csv").write_text(f"order_id,amount\n{text}\n")


def test_ingest_lands_the_days_asked_for_and_those_of_the_lookback_that_had_arrived(
    project: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "drop"
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_DROP", f'{{"conn_type": "fs", "extra": {{"path": "file://{folder}"}}}}')
    project.replace("sources/shop/source.yml", "format: csv", "format: csv, lookback_days: 2")
    for day in (D1, D2, D3):
        drop(project, folder, day, "a,1")
    first = ingest(project.run("shop", D1), "orders")
    assert (first.intervals, first.file_count, first.row_count, first.changed_count) == ([Interval(D1, D2)], 1, 1, 1)
    drop(project, folder, D1, "a,1\nlate,2")
    later = ingest(project.run("shop", D3), "orders")
    assert (later.intervals, later.changed_count) == ([Interval(D1, D2), Interval(D3, D3 + DAY)], 2)
    again = ingest(project.run("shop", D3), "orders")
    assert again.changed_count == 0
    loads: list[Load] = project.ledger.current_loads("landing.orders")
    assert [(load.ds, load.row_count) for load in loads] == [(D1, 2), (D3, 1)]
    publish(project.compute(project.run("shop", D1, D3)))
    assert project.query("select order_id from raw.orders order by ds, order_id") == [("a",), ("late",), ("a",)]


TODAY = date(2026, 3, 10)
YESTERDAY = Interval(date(2026, 3, 9), TODAY)


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (None, None, YESTERDAY),
        ("2026-03-01", None, Interval(D1, D2)),
        ("2026-03-01", "2026-03-03", Interval(D1, D3 + DAY)),
        ("2026-03-09", "2026-03-09", YESTERDAY),
    ],
)
def test_days_are_asked_for_with_both_ends_included(first: str | None, last: str | None, expected: Interval) -> None:
    assert requested_interval(first, last, YESTERDAY, TODAY) == expected


@pytest.mark.parametrize(
    ("first", "last", "complaint"),
    [
        (None, "2026-03-03", "does not say where it begins"),
        ("2026-03-03", "2026-03-01", "before it begins"),
        ("2026-03-10", None, "has not ended yet"),
        ("2026-03-01", "2026-03-10", "has not ended yet"),
        ("March 1st", None, "is no day"),
    ],
)
def test_a_range_that_is_none_is_refused(first: str | None, last: str | None, complaint: str) -> None:
    with pytest.raises(Exception, match=complaint) as caught:
        requested_interval(first, last, YESTERDAY, TODAY)
    assert type(caught.value).__name__ == "BadRequest"


def test_a_missing_day_stops_what_reads_its_history_without_gaps(project: Any) -> None:
    """Even where an earlier day comes later: the days after it are computed again only when all between them are there."""
    day = {D1 + n * DAY: [(f"o{n}", "1.00")] for n in range(5)}
    project.replace("core/core_shop/pipeline.yml", "raw.orders:\n", "raw.orders: {days_before: all, without_gaps: true}\n")
    project.arrive(day)
    project.publish("shop", D3)
    project.publish("core_shop", D3)
    project.publish("shop", D3 + 2 * DAY)
    run = project.run("core_shop", D3 + 2 * DAY)
    with pytest.raises(Transient, match=r"core\.orders: raw\.orders lacks 1 day\(s\) from 2026-03-04"):
        transform(run, run.pipeline.tables["orders"])
    project.publish("shop", D3 + DAY)
    project.publish("core_shop", D3 + DAY, D3 + 2 * DAY)
    project.publish("shop", D1)
    run = project.run("core_shop", D1)
    with pytest.raises(Transient, match="lacks 1 day"):
        transform(run, run.pipeline.tables["orders"])
    project.publish("shop", D2)
    project.publish("core_shop", D1, D2)
    assert project.query("select count(*) from core.orders") == [(5,)]
