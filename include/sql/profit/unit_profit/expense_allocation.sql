-- Every expense of a day, split over that day's order lines by their net revenue: exactly, to the cent, by largest remainder.
-- A pool is what is split as one: the day's expenses of one type; marketing of one channel among that channel's lines only.
{% from 'macros/coverage.jinja' import covered_days with context %}
with expenses as (
    select
        ds,
        expense_type,
        sales_channel,
        cast(sum(amount) * 100 as decimal(18, 0)) as pool_cents
    from core.expenses
    where ds >= date '{{ start }}' and ds < date '{{ end }}'
    group by ds, expense_type, sales_channel
),

-- The driver in whole steps of its 4th digit, so that all that follows is exact. A line without revenue gets nothing.
lines as (
    select
        ds,
        order_id,
        line_number,
        sales_channel,
        cast((gross_revenue - discount_amount) * 10000 as decimal(20, 0)) as driver,
        row_number() over (partition by ds order by order_id, line_number) as line_rank
    from core.order_lines
    where ds >= date '{{ start }}' and ds < date '{{ end }}' and gross_revenue > discount_amount
),

channels as (
    select
        ds,
        sales_channel,
        sum(driver) as driver
    from lines
    group by ds, sales_channel
),

pools as (
    select
        expenses.ds,
        expenses.expense_type,
        expenses.sales_channel,
        expenses.pool_cents,
        cast(sum(channels.driver) as decimal(38, 0)) as pool_driver
    from expenses
    left join channels
        on
            expenses.ds = channels.ds
            and (expenses.sales_channel = channels.sales_channel or expenses.sales_channel is null)
    group by expenses.ds, expenses.expense_type, expenses.sales_channel, expenses.pool_cents
),

-- A pool that finds no line keeps one row without an order: it stays unallocated.
shares as (
    select
        pools.ds,
        pools.expense_type,
        pools.sales_channel,
        pools.pool_cents,
        pools.pool_driver,
        lines.order_id,
        lines.line_number,
        lines.driver,
        lines.line_rank,
        pools.pool_cents * lines.driver as dividend,
        pools.pool_cents * lines.driver % pools.pool_driver as remainder
    from pools
    left join lines
        on
            pools.ds = lines.ds
            and (pools.sales_channel = lines.sales_channel or pools.sales_channel is null)
),

-- The division leaves no rest and its result is far below 2^53, so the double is exact.
floors as (
    select
        ds,
        expense_type,
        sales_channel,
        pool_cents,
        pool_driver,
        order_id,
        line_number,
        driver,
        cast(round(cast(dividend - remainder as double) / nullif(cast(pool_driver as double), 0), 0) as bigint) as floor_cents,
        row_number() over (
            partition by ds, expense_type, sales_channel
            order by remainder desc, line_rank
        ) as remainder_rank
    from shares
),

-- The cents that the floors leave over go to the largest remainders, one each.
parts as (
    select
        ds,
        expense_type,
        sales_channel,
        pool_cents,
        pool_driver,
        order_id,
        line_number,
        driver,
        floor_cents,
        remainder_rank,
        pool_cents - sum(floor_cents) over (partition by ds, expense_type, sales_channel) as left_over_cents
    from floors
),

{{ covered_days(['core.shop_coverage', 'core.finance_coverage']) }}

select
    parts.ds,
    parts.expense_type,
    parts.sales_channel,
    parts.order_id,
    parts.line_number,
    cast(parts.pool_cents * 0.01 as decimal(18, 4)) as pool_amount,
    cast(parts.pool_driver * 0.0001 as decimal(18, 4)) as pool_driver,
    cast(parts.driver * 0.0001 as decimal(18, 4)) as driver,
    cast(parts.floor_cents * 0.01 as decimal(18, 4)) as floor_amount,
    cast(parts.remainder_rank as integer) as remainder_rank,
    cast(
        case
            when parts.order_id is null then parts.pool_cents
            when parts.remainder_rank <= parts.left_over_cents then parts.floor_cents + 1
            else parts.floor_cents
        end * 0.01 as decimal(18, 4)
    ) as amount,
    covered_days.coverage,
    covered_days.is_partial
from parts
inner join covered_days on parts.ds = covered_days.ds
