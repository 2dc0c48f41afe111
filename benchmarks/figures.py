"""How long it takes to read what investors were told as of a day, from ten years of daily and monthly figures."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from statistics import median

from benchmarks.surroundings import empty_ledger
from headline.ledger import IssuedFigures
from headline.ledger.engine import engine

YEARS = 10
DAILY, MONTHLY = ("daily_net_revenue", "daily_net_profit"), ("monthly_net_revenue", "monthly_net_profit")
TRIES = 5
# Each figure was a draft and was issued, and every tenth was restated. Whoever owns the server need not build the chain.
_FILL = f"""
    set local session_replication_role = replica;
    insert into issued_figures (
        id, pipeline, metric, definition_version, segment, start, "end", value, coverage, status, reason, run_id, commit,
        code_version, contract_version, inputs, as_of, recorded_at, previous_hash, hash
    )
    select
        (select coalesce(max(id), 0) from issued_figures) + row_number() over (order by told.at, metric),
        'ten_years', metric, 'd', '', day, cast(day + length as date), 100, 1, told.status, '', 'r', 'c', 'c', 'k', 'i', 1,
        told.at,
        md5(concat(metric, day, told.at, told.status)), md5(concat(day, metric))
    from (
        select metric, cast(day as date) as day, interval '1 day' as length
        from unnest(array{list(DAILY)}) as metric
        cross join generate_series(date '2016-01-01', date '2016-01-01' + interval '{YEARS} years', '1 day') as day
        union all
        select metric, cast(day as date), interval '1 month'
        from unnest(array{list(MONTHLY)}) as metric
        cross join generate_series(date '2016-01-01', date '2016-01-01' + interval '{YEARS} years', '1 month') as day
    ) as periods
    cross join lateral (
        values ('draft', day + interval '1 day'), ('issued', day + interval '36 days'),
            (case when mod(extract(doy from day), 10) = 0 then 'issued' end, day + interval '90 days')
    ) as told (status, at)
    where told.status is not null;
    analyze issued_figures
"""


def milliseconds_as_of() -> tuple[float, int]:
    """All figures as of a day, read into this process: the median of some tries, and how many figures they are."""
    with empty_ledger():
        with engine().begin() as connection:
            for statement in _FILL.split(";"):
                connection.exec_driver_sql(statement)
        figures, moment, spent, count = IssuedFigures(), datetime(2024, 6, 1, tzinfo=UTC), [], 0
        for _ in range(TRIES):
            begun = time.perf_counter()
            count = len(figures.as_of(moment))
            spent.append((time.perf_counter() - begun) * 1000)
    return median(spent), count
