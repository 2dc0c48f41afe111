"""On which days the staged and the published rows of a history differ."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from sqlglot import exp, parse_one

from headline.intervals import DAY, Interval, business_day, merge
from headline.specs import Table
from headline.sql import DIALECT
from headline.warehouse.base import Output
from headline.warehouse.iceberg.contents import row_text
from headline.warehouse.iceberg.engine import Engine

_LAST_INSTANT = datetime(9999, 12, 31)  # noqa: DTZ001 (moments of the warehouse are in UTC and do not say so)
# Of the keys whose rows differ: each stretch between two instants at which anything begins or ends, where what is valid differs.
_CHANGED = """
with sides as (
    select 1 as side, {columns} from {staged}
    union all
    select 2 as side, {columns} from {published}
),
differing as (
    select {columns} from sides
    group by {columns}
    having count(case when side = 1 then 1 end) <> count(case when side = 2 then 1 end)
),
keys as (select distinct {key} from differing),
concerned as (
    select sides.side, {sides_key}, sides.valid_from, sides.valid_to, cast({hash} as decimal(20, 0)) as content
    from sides
    inner join keys on {same_key}
),
instants as (
    select {key}, valid_from as instant from concerned
    union
    select {key}, valid_to as instant from concerned
),
stretches as (
    select {key}, instant as starts_at, lead(instant) over (partition by {key} order by instant) as ends_at from instants
),
contents as (
    select
        {stretches_key},
        stretches.starts_at,
        stretches.ends_at,
        sum(case when concerned.side = 1 then concerned.content end) as staged,
        sum(case when concerned.side = 2 then concerned.content end) as published
    from stretches
    inner join concerned on {same_concerned}
    where concerned.valid_from <= stretches.starts_at and concerned.valid_to >= stretches.ends_at
    group by {stretches_key}, stretches.starts_at, stretches.ends_at
)
select distinct starts_at, ends_at
from contents
where staged <> published or (staged is null and published is not null) or (staged is not null and published is null)
"""


def changed_days(engine: Engine, staged: str, table: Table, zone: str) -> list[Interval]:
    """The business days on which what was valid differs between the `staged` and the published rows."""
    found = engine.query(engine.write(changed_query(engine, staged, table))).rows
    return merge(_days(starts_at, ends_at, zone) for starts_at, ends_at in found)


def changed_query(engine: Engine, staged: str, table: Table) -> exp.Expr:
    """The stretches of time, from and up to, in which what was valid differs."""
    output = Output(table.full_name, table)
    key = [column for column in table.key if column != "valid_from"]
    others = {name: kind for name, kind in output.columns.items() if name not in (*key, "valid_from", "valid_to", "is_current")}
    sql = _CHANGED.format(
        columns=", ".join(output.columns),
        key=", ".join(key),
        sides_key=", ".join(f"sides.{name}" for name in key),
        stretches_key=", ".join(f"stretches.{name}" for name in key),
        same_key=" and ".join(f"sides.{name} = keys.{name}" for name in key),
        same_concerned=" and ".join(f"stretches.{name} = concerned.{name}" for name in key),
        hash="row_hash",
        staged=staged,
        published=table.full_name,
    )
    query = parse_one(sql, read=DIALECT)
    text = row_text(others) if others else exp.Literal.string("")
    for column in [one for one in query.find_all(exp.Column) if one.name == "row_hash"]:
        column.replace(engine.row_hash(text))
    return query


def _days(starts_at: datetime, ends_at: datetime, zone: str) -> Interval:
    first = business_day(starts_at.replace(tzinfo=UTC), zone)
    if ends_at >= _LAST_INSTANT:
        return Interval(first, date.max)
    last = business_day((ends_at - timedelta(microseconds=1)).replace(tzinfo=UTC), zone)
    return Interval(first, max(first, last) + DAY)
