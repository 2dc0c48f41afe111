"""The portable subset: each construct that engines disagree on is found, and what the repository writes is not."""

import pytest

from headline.sql import parse
from headline.sql.rules import violations

VIOLATIONS = {
    "select * from core.t": "name the columns",
    "select t.* from core.t": "name the columns",
    "with w as (select * from core.t) select w.a from w": "name the columns",
    "select * exclude (a) from core.t": "name the columns",
    "select * replace (1 as a) from core.t": "name the columns",
    "select columns('x') from core.t": "not known",
    "select a, sum(b) as b from core.t group by all": "write the expressions",
    "select a from core.t group by 1": "write the expressions",
    "select a from core.t order by all": "write the columns",
    "select a from core.t qualify row_number() over (order by a) = 1": "next CTE",
    "select t.a from core.t asof join core.u on t.a >= u.a": "ASOF JOIN",
    "select t.a from core.t positional join core.u": "POSITIONAL JOIN",
    "select t.a from core.t natural join core.u": "NATURAL JOIN",
    "select t.a from core.t semi join core.u on t.a = u.a": "where exists",
    "select t.a from core.t anti join core.u on t.a = u.a": "where not exists",
    "select a from core.t pivot (sum(b) for c in (1, 2))": "one case per column",
    "select v from core.t unpivot (v for n in (a, b))": "one case per column",
    "select a from core.t union by name select a from core.u": "same order",
    "select distinct on (a) a, b from core.t": "row_number",
    "select a from core.t tablesample 10%": "every time",
    "select t.a from core.t, lateral (select 1 as b) as u": "join a CTE",
    "select d from generate_series(1, 2) as s(d)": "calendar.days",
    "select d from range(3) as s(d)": "calendar.days",
    "select unnest([1, 2]) as a": "calendar.days",
    "select current_date as a": "no clock",
    "select today() as a": "no clock",
    "select current_timestamp as a": "no clock",
    "select now() as a": "no clock",
    "select random() as a": "same rows every time",
    "select uuid() as a": "same rows every time",
    "select avg(a) as b from core.t": "cast what goes in to double",
    "select stddev_samp(a) as b from core.t": "cast what goes in to double",
    "select var_pop(a) as b from core.t": "cast what goes in to double",
    "select median(cast(a as double)) as b from core.t": "engines disagree",
    "select quantile(a, 0.5) as b from core.t": "engines disagree",
    "select quantile_cont(a, 0.5) as b from core.t": "engines disagree",
    "select percentile_cont(0.5) within group (order by a) as b from core.t": "engines disagree",
    "select mode(a) as b from core.t": "engines disagree",
    "select arg_max(a, b) as c from core.t": "row_number",
    "select min_by(a, b) as c from core.t": "row_number",
    "select any_value(a) as c from core.t": "row_number",
    "select first(a) as c from core.t": "row_number",
    "select try_cast(a as integer) as c from core.t": "test the text",
    "select make_date(2026, 1, 1) as c": "YYYY-MM-DD",
    "select last_value(a ignore nulls) over (order by b) as c from core.t": "filter the NULLs",
    "select date_diff('week', a, b) as c from core.t": "only date_diff('day'",
    "select date_diff('month', a, b) as c from core.t": "only date_diff('day'",
    "select extract(epoch from a) as c from core.t": "date_trunc",
    "select extract(dow from a) as c from core.t": "date_trunc",
    "select dayofweek(a) as c from core.t": "date_trunc",
    "select date '2026-01-01' + 1 as c": "interval 'n' day",
    "with recursive w as (select 1 as a) select a from w": "WITH RECURSIVE",
    "select a / b as c from core.t": "nullif",
    "select cast(a as double) / cast(b as double) as c from core.t": "nullif",
    "select a / nullif(b, 0) as c from core.t": "nullif",
    "select a // b as c from core.t": "without rest",
    "select count(distinct a) over () as b from core.t": "join it",
    "select row_number() over (partition by a) as b from core.t": "same rows every time",
    "select a, lag(b) over () as c from core.t": "same rows every time",
    "select a from core.t where (a, b) in ((1, 2))": "use exists",
    "select a from core.t where a in (1, null)": "leave it out",
    "select core.t.a from core.t": "alias",
    "select [1, 2] as a": "scalar",
    "select {'a': 1} as a": "scalar",
    "select a[1] as b from core.t": "scalar",
    "select list(a) as b from core.t": "scalar",
    "select array_agg(a) as b from core.t": "scalar",
    "select a -> '$.x' as b from core.t": "scalar",
    "select list_transform(a, x -> x + 1) as b from core.t": "scalar",
    "select hash(a) as b from core.t": "not known",
    "select strftime(a, '%Y') as b from core.t": "not known",
    "select concat_ws(',', a, b) as c from core.t": "not known",
    "select md5(a) as b from core.t": "not known",
    "select regexp_matches(a, 'x') as b from core.t": "not known",
    "select a + 1 as b from core.t where b > 2": "b: the SELECT",
    "select a + 1 as b, b + 1 as c from core.t": "b: the SELECT",
    "select date_trunc('month', a) as b, count(*) as n from core.t group by b": "b: the SELECT",
    "select a, sum(b) as c from core.t group by a having c > 1": "c: the SELECT",
    "select recognised_on as ds from core.t where ds > date '2026-01-01'": "ds: the SELECT",
}

PORTABLE = [
    "select t.a as b from core.t order by b",
    "select recognised_on as ds from core.t where t.ds > date '2026-01-01'",
    "select case when a > 0 then a end as a from core.t where a is not null",
    "select a, count(*) as n, count(distinct b) as m from core.t group by a having count(*) > 1",
    "with w as (select a + 1 as b from core.t) select b from w where b > 2",
    "select (select max(u.b) from core.u where u.b > 0) as b from core.t",
    "select cast(avg(cast(a as double)) as decimal(18, 4)) as b from core.t",
    "select cast(cast(a as double) / nullif(cast(b as double), 0) as decimal(18, 6)) as c from core.t",
    "select cast(a as double) / 60 as minutes from core.t",
    "select date_diff('day', a, b) as c, extract(year from a) as d, cast(date_trunc('week', a) as date) as e from core.t",
    "select cast(date '2026-01-01' + interval '1' day as date) as c",
    "select row_number() over (partition by a order by b desc nulls last) as n from core.t",
    "select sum(a) filter (where b > 0) as c, sum(a) over (partition by b) as d from core.t group by a, b",
    "select a from core.t where exists (select 1 from core.u where u.a = t.a) union all select a from core.u",
    "select coalesce(trim(lower(a)), '') as b, abs(c) as d, round(e, 2) as f from core.t",
]


@pytest.mark.parametrize(("sql", "advice"), VIOLATIONS.items(), ids=list(VIOLATIONS))
def test_what_engines_disagree_on_is_told_once_with_what_to_write_instead(sql: str, advice: str) -> None:
    found = violations(parse(sql, "test.sql"))
    assert len([violation for violation in found if advice in violation]) == 1, found
    assert all(advice in violation for violation in found), found


@pytest.mark.parametrize("sql", PORTABLE)
def test_portable_sql_is_let_through(sql: str) -> None:
    assert violations(parse(sql, "test.sql")) == []


def test_all_violations_are_told_at_once() -> None:
    found = violations(parse("select *, now() as a from core.t group by all", "test.sql"))
    assert len(found) == 3
