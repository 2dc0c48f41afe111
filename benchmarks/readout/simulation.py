"""Simulated experiments in DuckDB: users, what they buy, and the sums of them that profit.experiment_profit has.

Users come over 20 days, buy as they did before, and profit is counted as experiment_profit counts it. In the first `runs`
experiments both variants are the same; in the other `runs` every treated user brings 3 more, and every order of theirs 2 more
revenue. Chance is a hash of experiment, user and place, so that every machine sees the same numbers.
"""

from __future__ import annotations

from datetime import date, timedelta

from headline import specs
from headline.intervals import Interval
from headline.rules.golden import make_output, run_select
from headline.warehouse import Output, Session

DAYS = Interval(date(2026, 3, 1), date(2026, 3, 21))
LAST = DAYS.end - timedelta(days=1)
EFFECT = {"net_profit_per_user": 3, "net_revenue_per_order": 2}
_SIMULATED = """
create table users as
select
    run, variant, treated, number, hash(run, variant, number, 'user') as seed,
    cast(hash(run, variant, number, 'day') % 20 as integer) as day,
    0.1 + 0.6 * (hash(run, variant, number, 'habit') % 1000) / 1000 as habit,
    0.5 + 2.5 * (hash(run, variant, number, 'size') % 1000) / 1000 as size
from range({runs} * 2) as runs(run), (values ('control', 0), ('treatment', 1)) as variants(variant, treated),
    range({users}) as users(number);

create table orders as
select
    run, variant, treated, number, users.day, place,
    users.day + cast(hash(seed, place, 'delay') % 10 as integer) as moved,
    size * -20 * ln((hash(seed, place, 'amount') % 1000000 + 1) / 1000000.0) as amount
from users, range(-3, 3) as places(place)
where (hash(seed, place, 'buys') % 1000) / 1000.0 < habit;

create table moves as
select
    run, variant, number, moved, sum(exposed) as exposed,
    cast(sum(orders) as double) as orders, sum(revenue) as revenue, sum(profit) as profit, sum(covariate) as covariate
from (
    select
        run, variant, number, moved,
        0 as exposed, 1 as orders, amount + effect * 2 as revenue, amount / 4 as profit, 0 as covariate
    from (select *, case when treated = 1 and run >= {runs} then 1 else 0 end as effect from orders where place >= 0)
    union all
    select run, variant, number, day, 0, 0, 0, 0, amount from orders where place < 0
    union all
    select run, variant, number, day, 1, 0, 0, case when treated = 1 and run >= {runs} then 3 else 0 end, 0 from users
)
where moved < 20
group by run, variant, number, moved;

insert into profit.experiment_profit by name
with totals as (
    select
        *,
        sum(covariate) over person as z,
        sum(orders) over so_far as o, sum(revenue) over so_far as r, sum(profit) over so_far as p
    from moves
    window person as (partition by run, variant, number), so_far as (partition by run, variant, number order by moved)
),
by_day as (
    select
        run, variant, moved,
        sum(exposed) as n,
        sum(covariate) as z, sum(covariate * covariate) as zz,
        sum(orders) as o, sum(o * o - (o - orders) * (o - orders)) as oo, sum(orders * z) as oz,
        sum(revenue) as r, sum(r * r - (r - revenue) * (r - revenue)) as rr, sum(revenue * z) as rz,
        sum(profit) as p, sum(p * p - (p - profit) * (p - profit)) as pp, sum(profit * z) as pz,
        sum(o * r - (o - orders) * (r - revenue)) as o_r
    from totals
    group by run, variant, moved
)
select
    date '{first}' + moved as ds, 'run' || run as experiment_id, variant,
    sum(n) over w as exposed_users, 0 as contaminated_users,
    sum(z) over w as covariate_sum, sum(zz) over w as covariate_sum_of_squares,
    sum(o) over w as order_count_sum, sum(oo) over w as order_count_sum_of_squares,
    sum(r) over w as net_revenue_sum, sum(rr) over w as net_revenue_sum_of_squares,
    sum(p) over w as net_profit_sum, sum(pp) over w as net_profit_sum_of_squares,
    sum(oz) over w as order_count_covariate_product_sum, sum(rz) over w as net_revenue_covariate_product_sum,
    sum(pz) over w as net_profit_covariate_product_sum,
    sum(o_r) over w as order_count_net_revenue_product_sum,
    false as is_sample_ratio_off, 1 as coverage, false as is_partial, false as is_provisional
from by_day
window w as (partition by run, variant order by moved);
"""


def read_out(session: Session, runs: int, users: int) -> None:
    """Leave the readout of 2 × `runs` experiments, with so many users a variant, in golden's RESULT; their orders in `moves`."""
    table = specs.load().tables["profit.experiment_readout"]
    for name in table.reads:
        make_output(Output(name, specs.load().tables[name]), session)
    for statement in _SIMULATED.format(runs=runs, users=users, first=DAYS.start).split(";\n")[:-1]:
        session.query(statement)
    run_select(table, DAYS, session)
