"""On which days the staged and the published rows of a history differ."""

from __future__ import annotations

from datetime import date

from headline.intervals import DAY, Interval, merge
from headline.specs import Table
from headline.warehouse.base import Output
from headline.warehouse.duckdb.statements import Statements

_LAST_INSTANT = "timestamp '9999-12-31 00:00:00'"
# Of the keys whose rows differ: each stretch between two instants at which anything begins or ends, and what is valid in it.
_CHANGED = """
with differing as (
    (select {columns} from {staged} except all select {columns} from {published})
    union all
    (select {columns} from {published} except all select {columns} from {staged})
),
keys as (select distinct {key} from differing),
sides as (
    select 1 as side, {key}, hash({others}) as content, valid_from, valid_to from {staged} semi join keys using ({key})
    union all
    select 2 as side, {key}, hash({others}) as content, valid_from, valid_to from {published} semi join keys using ({key})
),
instants as (
    select {key}, valid_from as instant from sides
    union
    select {key}, valid_to as instant from sides
),
stretches as (
    select {key}, instant as starts_at, lead(instant) over (partition by {key} order by instant) as ends_at from instants
),
contents as (
    select
        {key},
        starts_at,
        ends_at,
        sum(content::hugeint) filter (where side = 1) as staged,
        sum(content::hugeint) filter (where side = 2) as published
    from stretches
    inner join sides using ({key})
    where valid_from <= starts_at and valid_to >= ends_at
    group by {key}, starts_at, ends_at
)
select distinct
    cast(timezone('{zone}', timezone('UTC', starts_at)) as date) as first_day,
    case
        when ends_at < {last} then cast(timezone('{zone}', timezone('UTC', ends_at - interval 1 microsecond)) as date)
    end as last_day
from contents
where staged is distinct from published
"""


def changed_days(statements: Statements, staged: str, table: Table, zone: str) -> list[Interval]:
    """The business days on which what was valid differs between the `staged` and the published rows."""
    output = Output(table.full_name, table)
    key = [column for column in table.key if column != "valid_from"]
    # Types as they are published: equal values of different types have different hashes.
    others = [
        f"cast({name} as {kind})"
        for name, kind in output.columns.items()
        if name not in (*key, "valid_from", "valid_to", "is_current")
    ]
    sql = _CHANGED.format(
        columns=", ".join(output.columns),
        key=", ".join(key),
        others=", ".join(others) or "1",
        staged=staged,
        published=table.full_name,
        zone=zone,
        last=_LAST_INSTANT,
    )
    found = statements.execute(sql).fetchall()
    return merge(Interval(first, date.max if last is None else max(first, last) + DAY) for first, last in found)
