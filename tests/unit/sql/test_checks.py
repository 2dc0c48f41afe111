"""Queries of checks are compiled once, and say for a run what they say where they are rendered for it."""

from collections.abc import Iterator
from datetime import date
from typing import Any

import duckdb
import pytest
from tests.repository.written import ROOT

from headline.errors import SpecError
from headline.intervals import DAY, Interval
from headline.specs import Table, load
from headline.sql import (
    Overlay,
    Resolution,
    check_queries,
    check_selects,
    checks,
    parse,
    render,
    resolve,
    shown_by_checks,
    tables_in_checks,
    tables_read,
    write,
)

D1 = date(2026, 3, 1)
CONTRACT = "core/core_shop/orders.contract.yml"
SCATTERED = [Interval(D1 + DAY * n, D1 + DAY * (n + length)) for n, length in ((0, 1), (5, 3), (40, 1))]
IN_INTERVAL = "{% from 'checks/interval.jinja' import in_interval with context %}"


def days(*numbers: int) -> list[Interval]:
    return [Interval(D1 + DAY * n, D1 + DAY * (n + 1)) for n in numbers]


# in_interval


@pytest.mark.parametrize(
    ("condition", "intervals", "expected"),
    [
        ("in_interval('ds')", None, [1, 2, 3]),
        ("in_interval('ds')", [(1, 2)], [1]),
        ("in_interval('ds')", [(1, 2), (4, 6)], [1, 4, 5]),
        ("in_interval('ds', 1)", [(2, 3), (6, 7)], [1, 2, 5, 6]),
        ("in_interval('ds') ~ ' and ds > date \\'2026-03-02\\''", [(1, 2), (4, 6)], [4, 5]),
    ],
)
def test_a_column_lies_in_any_of_the_intervals(condition: str, intervals: Any, expected: list[int]) -> None:
    hull = Interval(D1 + DAY, D1 + DAY * 4)
    listed = [{"start": str(D1 + DAY * first), "end": str(D1 + DAY * last)} for first, last in intervals or ()]
    names = {"intervals": listed} if intervals else {}
    where = render(IN_INTERVAL + "{{ " + condition + " }}", hull, "a test", **names)
    days = f"select date '{D1}' + cast(n as integer) as ds from range(9) as days(n)"
    with duckdb.connect() as connection:
        found = connection.execute(f"select ds from ({days}) where {where} order by ds").fetchall()
    assert [(day - D1).days for (day,) in found] == expected


# prepared and rendered


@pytest.mark.parametrize(
    ("dialect", "schemas", "least"), [("duckdb", None, 90), ("athena", "growth", 15), ("spark", "profit", 15)]
)
def test_every_check_is_compiled_before_the_run_and_says_the_same(dialect: str, schemas: str | None, least: int) -> None:
    seen = 0
    for table in load().tables.values():
        if schemas not in (None, table.full_name.split(".")[0]):
            continue
        for compiled in checks._compiled(table, dialect).values():
            assert compiled.prepared[dialect]
        queries, selects = check_queries(table, SCATTERED), check_selects(table, SCATTERED, {}, dialect)
        for path, select in selects.items():
            assert (select.text, select.width) == (queries[path].sql(dialect), len(queries[path].selects))
            seen += 1
    assert seen >= least


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """core.a is published for three days; its staging table has another second day."""
    with duckdb.connect() as opened:
        opened.execute("create schema core; create schema staging")
        opened.execute("create table core.a as select date '2026-03-01' + cast(n as integer) as ds, n as x from range(3) as r(n)")
        opened.execute("create table staging.core__a as select date '2026-03-02' as ds, x from (values (10), (20)) as r(x)")
        yield opened


RESOLUTIONS: dict[str, Resolution] = {
    "overlay": Overlay("staging.core__a", ["ds", "x"], days(1), "ds"),
    "whole": Overlay("staging.core__a", ["ds", "x"], days(1), None),
    "table": "staging.core__a",
    "expression": parse("select date '2026-03-03' as ds, 7 as x", "a test").subquery(),
}


@pytest.mark.parametrize("resolution", RESOLUTIONS.values(), ids=RESOLUTIONS.keys())
@pytest.mark.parametrize(
    "query",
    [
        "select a.ds, a.x from core.a where {{ in_interval('a.ds') }}",
        "select t.q from core.a as t(p, q) where {{ in_interval('t.p') }}",
        "select ds, x from core.a as other where {{ in_interval('ds', 2) }} and x <> 1",
        "with core__a as (select 99 as x) select x from core.a union all select x from core__a",
        "select one.x, two.x from core.a as one inner join core.a as two on one.x < two.x where {{ in_interval('one.ds') }}",
        "select max(x) from core.a where ds < date '{{ end }}' and ds >= cast('{{ start }} 00:00:00' as timestamp)",
        "select count(*) from core.a where {{ in_interval('ds') }}",
        "select * from core.a where x < 20 and ({{ in_interval('ds') }} and x >= 0)",
        "select x from core.a where {{ in_interval('ds') }} or x = 0",
        "select x from core.a where not {{ in_interval('ds') }}",
        "select x from core.a where coalesce({{ in_interval('ds') }}, true)",
        "select x, {{ in_interval('ds') }} as y from core.a",
        "select one.x from core.a as one left join core.a as two on one.x <> two.x where {{ in_interval('two.ds') }}",
        "select one.x, two.x from core.a as one full join core.a as two on one.x = two.x + 1 where {{ in_interval('one.ds') }}",
        "select a.x from core.a inner join (select max(x) as z from core.a) as b on a.x < b.z where {{ in_interval('a.ds') }}",
        "select x from (select * from core.a) as inside where {{ in_interval('ds') }}",
        "select x from core.a where {{ in_interval('ds') }} and x < (select max(inside.x) from core.a as inside)",
        "select ds, sum(x) from core.a group by ds having {{ in_interval('ds') }}",
    ],
)
def test_names_stand_for_the_same_as_in_a_transform(
    project: Any, connection: duckdb.DuckDBPyConnection, query: str, resolution: Resolution
) -> None:
    table = with_check(project, IN_INTERVAL + query)
    names = {"core.a": resolution}
    for intervals in (days(1), days(0, 2)):
        [select] = check_selects(table, intervals, names, "duckdb").values()
        [rendered] = check_queries(table, intervals).values()
        expected = connection.execute(write(resolve(rendered, names), "duckdb")).fetchall()
        assert sorted(connection.execute(select.text).fetchall()) == sorted(expected)


@pytest.mark.parametrize(
    ("query", "reads"),
    [
        ("select x from core.a where {{ in_interval('ds') }}", {"staging.core__a"}),
        ("select x from core.a where {{ in_interval('ds', 1) }}", {"core.a", "staging.core__a"}),
        ("select x from core.a where {{ in_interval('ds') }} or x = 0", {"core.a", "staging.core__a"}),
    ],
)
def test_rows_of_the_intervals_alone_are_those_that_are_staged(project: Any, query: str, reads: set[str]) -> None:
    names = {"core.a": Overlay("staging.core__a", ["ds", "x", "unread"], days(1), "ds")}
    [select] = check_selects(with_check(project, IN_INTERVAL + query), days(1), names, "duckdb").values()
    assert tables_read(parse(select.text, "a test")) == reads
    assert "unread" not in select.text, "no column is read that the query does not name"


@pytest.mark.parametrize(
    "query",
    [
        "select {{ 'a' if start < '2026-03-01' else 'b' }} as x from core.a",
        "select {{ 'a' if end == '2026-03-03' else 'b' }} as x from core.a",
        "select {{ start | replace('-', '') }} as x from core.a",
        "select {{ intervals | length }} as x from core.a",
        "{% for one in intervals %}select '{{ one.start }}' as x{{ ' union all ' if not loop.last }}{% endfor %}",
        "select x from core.a where ds >= date '{{ start[:8] }}01'",
        "select x from core.a where (x > 1 and ds in (select ds from core.b where (ds > date '{{ intervals[0].start }}')))",
    ],
)
def test_what_computes_on_the_dates_is_rendered_for_each_run(project: Any, query: str) -> None:
    table = with_check(project, query)
    for intervals in (days(0), days(1, 5), SCATTERED):
        [select] = check_selects(table, intervals, {}, "duckdb").values()
        [rendered] = check_queries(table, intervals).values()
        assert parse(select.text, "a test") == rendered


def test_a_weeks_check_is_about_whole_weeks() -> None:
    table = load().table("growth.weekly_growth")
    texts = " ".join(
        select.text for select in check_selects(table, [Interval(date(2026, 3, 4), date(2026, 3, 5))], {}, "duckdb").values()
    )
    assert "'2026-03-02'" in texts
    assert "'2026-03-09'" in texts
    assert "'2026-03-04'" not in texts


# what is kept


def with_check(project: Any, *queries: str) -> Table:
    """core.orders with these queries as its only checks with a query."""
    head = (project.sql / CONTRACT).read_text().partition("  - failed_rows:")[0]
    project.write("checks/interval.jinja", (ROOT / "include/sql/checks/interval.jinja").read_text())
    parts = [
        f"  - failed_rows:\n      name: check {number}\n      attributes: {{kind: schema}}\n      query: |\n        {query}\n"
        for number, query in enumerate(queries)
    ]
    project.write(CONTRACT, head + "".join(parts))
    return load().table("core.orders")


def text_of(table: Table) -> str:
    [select] = check_selects(table, days(0), {}, "duckdb").values()
    return select.text


def test_a_changed_macro_contract_or_setting_is_seen(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a macro is imported by another."""
    project.write("macros/inner.jinja", "{% macro limit() %}1{% endmacro %}")
    project.write(
        "macros/outer.jinja",
        "{% from 'macros/inner.jinja' import limit %}{% macro above(x) %}{{ x }} > {{ limit() }}{% endmacro %}",
    )
    query = "{% from 'macros/outer.jinja' import above %}select ds from core.orders where {{ above('amount') }}"
    table = with_check(project, query)
    assert text_of(table).endswith("amount > 1")
    (project.sql / "macros/inner.jinja").write_text("{% macro limit() %}22{% endmacro %}")
    assert text_of(table).endswith("amount > 22")
    assert text_of(with_check(project, query.replace("'amount'", "'amount + 1'"))).endswith("amount + 1 > 22")
    table = with_check(project, "select '{{ reporting_currency }}' as c from core.orders where amount < {{ coverage.complete }}")
    assert text_of(table) == "SELECT 'EUR' AS c FROM core.orders WHERE amount < 1"
    monkeypatch.setenv("HEADLINE_REPORTING_CURRENCY", "GBP")
    project.replace("core/core_shop/pipeline.yml", "tables:", "coverage: {complete: 0.5, partial: 0.5}\ntables:")
    assert text_of(load().table("core.orders")) == "SELECT 'GBP' AS c FROM core.orders WHERE amount < 0.5"


def test_what_is_compiled_is_kept(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    table = with_check(project, "select ds from core.orders where ds < date '{{ end }}'")
    first = text_of(table)
    monkeypatch.setattr(checks, "parse", lambda *_: pytest.fail("parsed again"))
    monkeypatch.setattr(checks, "render", lambda *_, **__: pytest.fail("rendered again"))
    assert text_of(table) == first


def test_a_template_with_a_computed_import_is_not_kept(project: Any) -> None:
    project.write("macros/a.jinja", "{% macro one() %}1{% endmacro %}")
    table = with_check(
        project, "{% set name = 'macros/a.jinja' %}{% from name import one %}select {{ one() }} as x from core.orders"
    )
    assert text_of(table) == "SELECT 1 AS x FROM core.orders"
    (project.sql / "macros/a.jinja").write_text("{% macro one() %}2{% endmacro %}")
    assert text_of(table) == "SELECT 2 AS x FROM core.orders"


def test_a_broken_query_is_told_with_the_check(project: Any) -> None:
    table = with_check(project, "select ds from core.orders", "select from where")
    for function in (tables_in_checks, lambda table: check_selects(table, days(0), {}, "duckdb")):
        with pytest.raises(SpecError, match=r"core_shop/orders\.contract\.yml: «check 1»: not valid SQL"):
            function(table)


def test_what_checks_read_and_show(project: Any) -> None:
    table = with_check(
        project,
        "select o.ds, lower(o.order_id) as who from core.orders as o inner join raw.orders as r on o.amount = r.amount",
        "select {{ 'amount' if start < '2026-03-02' else 'order_id' }} from quarantine.orders",
    )
    assert tables_in_checks(table) == {"core.orders", "raw.orders", "quarantine.orders"}
    first, second = shown_by_checks(table, days(0)).values()
    assert (first.tables, first.columns) == ({"core.orders", "raw.orders"}, {"ds", "order_id"})
    assert second.columns == {"amount"}
    assert [*shown_by_checks(table, days(4)).values()][1].columns == {"order_id"}
