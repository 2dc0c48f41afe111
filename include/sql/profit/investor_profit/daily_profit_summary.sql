-- An entry counts on the day on which it is booked, so that a closed day never moves by itself.
-- What belongs to no category stands in the row `unallocated`, which every day has: expenses of pools that found no order line,
-- and refunds without an order. A sale whose cost is not known counts with its revenue, and has no part in gross profit.
{% from 'macros/coverage.jinja' import covered_days with context %}
with movements as (
    select
        entries.ds,
        entries.category,
        entries.gross_revenue,
        entries.discount_amount,
        entries.refund_amount,
        case
            when entries.cost_of_goods is null then entries.gross_revenue - entries.discount_amount else 0
        end as uncosted_net_revenue,
        coalesce(entries.cost_of_goods, 0) as cost_of_goods,
        entries.marketing_expense,
        entries.operational_expense,
        entries.labor_expense,
        case when entries.entry = 'sale' then entries.order_id end as order_id,
        case when entries.entry = 'sale' then entries.quantity else 0 end as unit_count
    from profit.unit_profit as entries
    where entries.ds >= date '{{ start }}' and entries.ds < date '{{ end }}'
    union all
    select
        days.ds,
        'unallocated' as category,
        0 as gross_revenue,
        0 as discount_amount,
        0 as refund_amount,
        0 as uncosted_net_revenue,
        0 as cost_of_goods,
        case when expenses.expense_type = 'marketing' then expenses.amount else 0 end as marketing_expense,
        case when expenses.expense_type = 'operational' then expenses.amount else 0 end as operational_expense,
        case when expenses.expense_type = 'labor' then expenses.amount else 0 end as labor_expense,
        cast(null as varchar) as order_id,
        0 as unit_count
    from calendar.days as days
    left join profit.expense_allocation as expenses
        on days.ds = expenses.ds and expenses.order_id is null
    where days.ds >= date '{{ start }}' and days.ds < date '{{ end }}'
),

sums as (
    select
        ds,
        category,
        sum(gross_revenue) as gross_revenue,
        sum(discount_amount) as discount_amount,
        sum(refund_amount) as refund_amount,
        sum(gross_revenue - discount_amount - refund_amount) as net_revenue,
        sum(uncosted_net_revenue) as uncosted_net_revenue,
        sum(cost_of_goods) as cost_of_goods,
        sum(marketing_expense) as marketing_expense,
        sum(operational_expense) as operational_expense,
        sum(labor_expense) as labor_expense,
        count(distinct order_id) as order_count,
        sum(unit_count) as unit_count
    from movements
    group by ds, category
),

{{ covered_days(['core.shop_coverage', 'core.finance_coverage']) }}

select
    sums.ds,
    sums.category,
    cast(sums.gross_revenue as decimal(18, 4)) as gross_revenue,
    cast(sums.discount_amount as decimal(18, 4)) as discount_amount,
    cast(sums.refund_amount as decimal(18, 4)) as refund_amount,
    cast(sums.net_revenue as decimal(18, 4)) as net_revenue,
    cast(sums.uncosted_net_revenue as decimal(18, 4)) as uncosted_net_revenue,
    cast(sums.cost_of_goods as decimal(18, 4)) as cost_of_goods,
    cast(sums.net_revenue - sums.uncosted_net_revenue - sums.cost_of_goods as decimal(18, 4)) as gross_profit,
    cast(sums.marketing_expense as decimal(18, 4)) as marketing_expense,
    cast(sums.operational_expense as decimal(18, 4)) as operational_expense,
    cast(sums.labor_expense as decimal(18, 4)) as labor_expense,
    cast(
        sums.net_revenue - sums.uncosted_net_revenue - sums.cost_of_goods
        - sums.marketing_expense - sums.operational_expense - sums.labor_expense as decimal(18, 4)
    ) as net_profit,
    cast(sums.order_count as bigint) as order_count,
    cast(sums.unit_count as bigint) as unit_count,
    covered_days.coverage,
    covered_days.is_partial
from sums
inner join covered_days on sums.ds = covered_days.ds
