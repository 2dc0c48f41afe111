"""A transform writes a staging table for exactly the days that must be computed, and says what changed."""

from datetime import date
from decimal import Decimal
from os import utime
from time import time
from typing import Any

import pytest

from headline import specs
from headline.errors import BadData, SpecError, Transient
from headline.intervals import DAY, Interval, requested_interval
from headline.ledger import HeldDays, Load, partial_days, stale_states
from headline.pipeline.ingest import ingest

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)


@pytest.fixture
def shop(project: Any, once: Any) -> Any:
    return once(project, three_days)


def three_days(project: Any) -> None:
    project.arrive({D1: [("a", "1.00")], D2: [("b", "10.00"), ("x", "-1.00")], D3: [("c", "100.00")]})
    project.publish("shop", D1, D3)


def rows(session: Any, output: str) -> list[Any]:
    """The staged rows of an output."""
    return list(session.query(f"select * from {session.staging_name(output)} order by ds, 2").rows)


def test_valid_and_refused_rows_are_split_with_the_reason(shop: Any) -> None:
    with shop.stage(shop.run("core_shop", D1, D2)) as (_, staged, session):
        orders = staged["core.orders"]
        assert (orders.row_count, orders.refused_count) == (2, 1)
        assert [(row[0], row[1]) for row in rows(session, "core.orders")] == [(D1, "a"), (D2, "b")]
        assert [(row[1], row[3]) for row in rows(session, "quarantine.orders")] == [("x", "negative_amount")]


def test_a_later_table_reads_the_staging_table_over_what_is_published(shop: Any) -> None:
    shop.publish("core_shop", D1, D2)
    with shop.stage(shop.run("core_shop", D3)) as (_, staged, session):
        assert "staging.core__orders" in staged["core.running_totals"].compiled_sql
        assert [(row[0], int(row[1])) for row in rows(session, "core.running_totals")] == [(D3, 111)]
    assert shop.query("select max(ds) from core.running_totals") == [(D2,)]


def test_the_compiled_text_can_be_run_on_its_own(shop: Any) -> None:
    with shop.stage(shop.run("core_shop", D1, D2)) as (_, staged, session), session.reading():
        assert len(session.query(staged["core.running_totals"].compiled_sql).rows) == 2


def test_published_days_that_depend_on_a_change_are_computed_too(shop: Any) -> None:
    shop.publish("core_shop", D1, D2)
    shop.arrive({D1: [("a", "5.00")]})
    shop.publish("shop", D1)
    done = {name: run.intervals for name, run in shop.publish("core_shop", D3).items()}
    assert done["core.orders"] == [Interval(D1, D2), Interval(D3, D3 + DAY)]
    assert done["core.running_totals"] == [Interval(D1, D3 + DAY)]


def test_a_table_of_the_same_run_follows_only_where_the_one_before_it_changed(shop: Any) -> None:
    """Another way to write the same orders: computed again, and what sums them up is left alone."""
    shop.publish("core_shop", D1, D3)
    shop.arrive({D1: [("a", "1.0")], D2: [("b", "20.00"), ("x", "-1.00")]})
    shop.publish("shop", D1, D2)
    done = shop.publish("core_shop", D1)
    assert done["core.orders"].intervals == [Interval(D1, D3)]
    assert done["core.orders"].published == [str(Interval(D2, D3))]
    assert done["core.running_totals"].intervals == [Interval(D1, D3 + DAY)]
    shop.arrive({D3: [("c", "100.0")]})
    shop.publish("shop", D3)
    done = shop.publish("core_shop", D3)
    assert [one.published for one in done.values()] == [[], []]


def test_days_behind_the_restatement_window_stay_stale_until_they_are_asked_for(
    shop: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of five days, the last two ride along; the day of the change and the one after it wait for a backfill."""
    d4, d5 = D3 + DAY, D3 + 2 * DAY
    monkeypatch.setenv("HEADLINE_RESTATEMENT_DAYS", "2")
    shop.forget()
    shop.arrive({d4: [("d", "1000.00")], d5: [("e", "10000.00")]})
    shop.publish("shop", d4, d5)
    shop.publish("core_shop", D1, d5)
    shop.arrive({D2: [("b", "20.00")]})
    shop.publish("shop", D2)
    done = shop.publish("core_shop", d5)
    assert done["core.orders"].intervals == [Interval(d5, d5 + DAY)]
    assert done["core.running_totals"].intervals == [Interval(d5, d5 + DAY)]
    assert stale(shop, "core.orders") == [D2]
    done = shop.publish("core_shop", D2)
    assert done["core.orders"].intervals == [Interval(D2, D3)]
    assert done["core.running_totals"].intervals == [Interval(D2, D3), Interval(d4, d5 + DAY)], "D3 is older than the window"
    assert stale(shop, "core.orders") == []
    assert stale(shop, "core.running_totals") == [D3]
    assert shop.query(TOTALS) == [(D1, 1), (D2, 21), (D3, 111), (d4, 1121), (d5, 11121)]
    shop.publish("core_shop", D3)
    assert stale(shop, "core.running_totals") == []
    assert shop.query(TOTALS) == [(D1, 1), (D2, 21), (D3, 121), (d4, 1121), (d5, 11121)]


TOTALS = "select ds, cast(amount as integer) from core.running_totals order by ds"


def stale(project: Any, name: str) -> list[date]:
    catalog = specs.load()
    table = catalog.tables[name]
    return [one.interval.start for one in stale_states(table, catalog.makers[name].reads_by_table(table), project.ledger)]


def test_a_run_whose_inputs_are_not_published_says_which_and_for_which_days(project: Any) -> None:
    with pytest.raises(Transient, match=r"shop: landing\.orders lacks 1 day\(s\) from 2026-03-01"):
        project.publish("shop", D1)
    project.arrive({D1: [("a", "1.00")], D2: [("b", "10.00")]})
    project.publish("shop", D2)
    with pytest.raises(Transient, match=r"core_shop: raw\.orders lacks 1 day\(s\) from 2026-03-01"):
        project.publish("core_shop", D1, D2)
    with pytest.raises(Transient, match=r"core_shop: raw\.orders lacks 2 day\(s\) from 2026-03-03"):
        project.publish("core_shop", D2, D3 + DAY)
    assert project.ledger.states(["core.orders", "core.running_totals"]) == []
    assert project.publish("core_shop", D2)["core.orders"].published == [str(Interval(D2, D3))]


def test_a_transform_that_is_tried_again_starts_over(shop: Any) -> None:
    run = shop.run("core_shop", D1)
    with shop.stage(run) as (_, once, _session):
        pass
    with shop.stage(run) as (_, again, session):
        assert again == once
        assert len(rows(session, "core.orders")) == 1


def test_two_runs_of_the_same_days_do_not_share_staging_tables(shop: Any) -> None:
    one, other = shop.run("core_shop", D1), shop.run("core_shop", D1)
    assert one.key != other.key
    with shop.stage(one), other.warehouse.staging(other.key) as session, pytest.raises(SpecError):
        rows(session, "core.orders")
    assert shop.ledger.staging_tables(other.key) == {}
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
    with pytest.raises(SpecError, match=r"orders\.sql: \d rows are outside"), shop.stage(run):
        pass
    assert shop.ledger.staging_tables(run.key) == {}


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("select absent from raw.orders", SpecError),
        ("select ds, order_id, cast(order_id as decimal(18, 4)) as amount, null as quarantine_reason from raw.orders", BadData),
    ],
)
def test_sql_that_cannot_run_stages_nothing(shop: Any, sql: str, error: type[Exception]) -> None:
    shop.write("core/core_shop/orders.sql", sql)
    run = shop.run("core_shop", D1)
    with pytest.raises(error), shop.stage(run):
        pass
    assert shop.ledger.staging_tables(run.key) == {}


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
              core.orders: {lookback_days: all}
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
    shop.arrive(dict.fromkeys(Interval(D3 + DAY, april), ()) | {april: [("z", "7.00")]})
    shop.publish("shop", D3 + DAY, april)
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


@pytest.mark.parametrize("period", ["week", "month"])
def test_only_the_weeks_and_months_that_changed_have_a_version(shop: Any, period: str) -> None:
    """Sunday, March 1 ends a week; the days after it belong to the next one. The last day is of another month."""
    april = date(2026, 4, 1)
    for path, content in MONTHLY.items():
        shop.write(path, content.replace("'month'", f"'{period}'").replace("as month", f"as {period}"))
    shop.replace("profit/monthly/pipeline.yml", "period: month", f"period: {period}")
    shop.replace("profit/monthly/months.contract.yml", "name: month", f"name: {period}")
    shop.arrive(dict.fromkeys(Interval(D3 + DAY, april), ()) | {april: [("z", "7.00")]})
    shop.publish("shop", D3 + DAY, april)
    shop.publish("core_shop", D1, april)
    shop.publish("monthly", D1, april)
    before = shop.ledger.states(["profit.months"])
    latest = [one.version for one in shop.ledger.states(["profit.latest"])]
    shop.arrive({D2: [("b", "11.00")], april: [("z", "7.0")]})
    shop.publish("shop", D2, april)
    shop.publish("core_shop", D2, april)
    done = shop.publish("monthly", D1, april)
    after = shop.ledger.states(["profit.months"])
    changed = [new.interval for new, old in zip(after, before, strict=True) if new.version != old.version]
    assert changed == [Interval(D2, D2 + DAY).widen(period)]
    assert done["profit.months"].published == [str(one) for one in changed]
    assert len({one.as_of for one in after}) == 1
    assert [one.version for one in shop.ledger.states(["profit.latest"])] == latest, "as many orders as before"


def test_a_day_without_rows_has_the_columns_of_the_contract(project: Any) -> None:
    project.arrive({D1: []})
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
    project.publish("shop", D1)
    project.publish("shop", D3)
    assert project.query("select order_id from raw.orders order by ds, order_id") == [("a",), ("late",), ("a",)]


def test_files_of_the_lookback_are_read_again_as_far_as_they_are_there_and_can_be_read(
    project: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A corrected file under the same name is taken in; one that is gone, or broken, leaves its day and keeps no new day away."""
    folder = tmp_path / "drop"
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_DROP", f'{{"conn_type": "fs", "extra": {{"path": "file://{folder}"}}}}')
    project.replace("sources/shop/source.yml", "format: csv", "format: csv, lookback_days: 3")
    days = [D1 + n * DAY for n in range(4)]
    for day in days:
        drop(project, folder, day, "a,1")
    ingest(project.run("shop", days[0], days[2]), "orders")
    (folder / f"orders_{days[0]}.csv").unlink()
    drop(project, folder, days[1], "a,2")
    broken = folder / f"orders_{days[2]}.csv"
    broken.write_text("")  # not even a header has arrived
    arriving = ingest(project.run("shop", days[3]), "orders")
    assert (arriving.intervals, arriving.changed_count) == ([Interval(D2, D2 + DAY), Interval(days[3], days[3] + DAY)], 2)
    assert not HeldDays().open()
    long_ago = time() - 3600
    utime(broken, (long_ago, long_ago))
    assert ingest(project.run("shop", days[3]), "orders").changed_count == 0
    [held] = HeldDays().open()
    assert (held.landing, held.ds) == ("landing.orders", days[2])
    assert "cannot be read" in held.found
    drop(project, folder, days[2], "a,3")
    assert ingest(project.run("shop", days[3]), "orders").changed_count == 1
    assert not HeldDays().open()
    for day in days:
        project.publish("shop", day)
    assert [int(amount) for (amount,) in project.query("select amount from raw.orders order by ds")] == [1, 2, 3, 1]


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
    project.replace("core/core_shop/pipeline.yml", "raw.orders:\n", "raw.orders: {lookback_days: all, without_gaps: true}\n")
    project.arrive(day)
    project.publish("shop", D3)
    project.publish("core_shop", D3)
    project.publish("shop", D3 + 2 * DAY)
    with pytest.raises(Transient, match=r"core_shop: raw\.orders lacks 1 day\(s\) from 2026-03-04"):
        project.publish("core_shop", D3 + 2 * DAY)
    project.publish("shop", D3 + DAY)
    project.publish("core_shop", D3 + DAY, D3 + 2 * DAY)
    project.publish("shop", D1)
    with pytest.raises(Transient, match=r"core\.orders: raw\.orders lacks 1 day\(s\) from 2026-03-02"):
        project.publish("core_shop", D1)
    project.publish("shop", D2)
    project.publish("core_shop", D1, D2)
    assert project.query("select count(*) from core.orders") == [(5,)]


@pytest.fixture
def partly(telling: Any) -> Any:
    """Of the second day one of two orders is refused, of the third one of five."""
    many = [(f"c{number}", "100.00") for number in range(4)]
    telling.arrive({D1: [("a", "1.00")], D2: [("b", "10.00"), ("x", "-1.00")], D3: [*many, ("y", "-5.00")]})
    telling.publish("shop", D1, D3)
    telling.publish("core_shop", D1, D3)
    return telling


def recorded(project: Any, table: str) -> list[tuple[Any, ...]]:
    return [(one.interval.start, one.status, one.coverage) for one in project.ledger.states([table])]


def partial(project: Any) -> dict[str, list[date]]:
    pipeline = specs.load().pipelines["core_shop"]
    return partial_days(pipeline, project.ledger.states(pipeline.outputs))


def test_a_day_is_as_complete_as_its_rows_say(partly: Any) -> None:
    assert recorded(partly, "core.orders_coverage") == [
        (D1, "complete", 1),
        (D2, "partial", Decimal("0.5")),
        (D3, "complete", Decimal("0.8")),
    ]
    for table in ("raw.orders", "core.orders", "core.running_totals"):  # their rows say nothing
        assert recorded(partly, table) == [(day, "complete", 1) for day in (D1, D2, D3)]


def test_tables_that_say_nothing_are_as_partial_as_their_pipeline(partly: Any) -> None:
    assert partial(partly) == {"core.orders": [D2], "core.running_totals": [D2], "core.orders_coverage": [D2]}
    partly.replace("core/core_shop/pipeline.yml", "running_totals:\n", "running_totals:\n    period: all\n")
    assert "core.running_totals" not in partial(partly), "a table that is rebuilt whole has no days"


def test_the_next_run_that_finds_the_rows_heals_the_day(partly: Any) -> None:
    partly.arrive({D2: [("b", "10.00"), ("x", "1.00")]})
    partly.publish("shop", D2)
    partly.publish("core_shop", D3)
    assert partial(partly) == {}


def test_status_and_coverage_alone_are_a_change(partly: Any) -> None:
    """The limit moves, the rows say otherwise what is partial: the day gets a version, and those beside it none."""
    before = {one.interval.start: one.version for one in partly.ledger.states(["core.orders_coverage"])}
    partly.replace("core/core_shop/pipeline.yml", "complete: 0.8", "complete: 0.4")
    done = partly.publish("core_shop", D1, D3)
    assert {name: one.published for name, one in done.items() if one.published} == {
        "core.orders_coverage": [str(Interval(D2, D3))]
    }
    after = {one.interval.start: one.version for one in partly.ledger.states(["core.orders_coverage"])}
    assert [day for day in before if after[day] != before[day]] == [D2]
    assert partial(partly) == {}
