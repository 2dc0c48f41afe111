-- An entry stands on the day on which it is booked, a refund on its own and not on its order's: a closed day does not move.
-- `order_ds` is the day on which it counts for experiments, where `is_attributed`: it came within 30 days of the order.
{% from 'macros/coverage.jinja' import covered_days with context %}
with entries as (
    select
        ds,
        ds as order_ds,
        order_id,
        line_number,
        'sale' as entry,
        '' as refund_id,
        product_id,
        customer_id,
        ordered_at,
        sales_channel,
        country_code,
        quantity,
        gross_revenue,
        discount_amount,
        cast(0 as decimal(18, 4)) as refund_amount,
        true as is_attributed
    from core.order_lines
    where ds >= date '{{ start }}' and ds < date '{{ end }}'
    union all
    select
        ds,
        order_ds,
        order_id,
        line_number,
        'refund' as entry,
        refund_id,
        product_id,
        customer_id,
        ordered_at,
        sales_channel,
        country_code,
        quantity,
        cast(0 as decimal(18, 4)) as gross_revenue,
        cast(0 as decimal(18, 4)) as discount_amount,
        refund_amount,
        coalesce(ds < cast(order_ds + interval '30' day as date), false) as is_attributed
    from core.refund_lines
    where ds >= date '{{ start }}' and ds < date '{{ end }}'
),

expenses as (
    select
        ds,
        order_id,
        line_number,
        sum(case when expense_type = 'marketing' then amount else 0 end) as marketing_expense,
        sum(case when expense_type = 'operational' then amount else 0 end) as operational_expense,
        sum(case when expense_type = 'labor' then amount else 0 end) as labor_expense
    from profit.expense_allocation
    where ds >= date '{{ start }}' and ds < date '{{ end }}' and order_id is not null
    group by ds, order_id, line_number
),

{{ covered_days(['core.shop_coverage', 'core.finance_coverage']) }},

-- Goods that come back are not taken into stock again: a refund has no cost of goods, and no share of the day's expenses.
priced as (
    select
        entries.ds,
        entries.order_ds,
        entries.order_id,
        entries.line_number,
        entries.entry,
        entries.refund_id,
        entries.product_id,
        case when entries.product_id is null then 'unallocated' else products.category end as category,
        entries.customer_id,
        entries.ordered_at,
        entries.sales_channel,
        entries.country_code,
        entries.quantity,
        entries.gross_revenue,
        entries.discount_amount,
        entries.refund_amount,
        entries.gross_revenue - entries.discount_amount - entries.refund_amount as net_revenue,
        case when entries.entry = 'sale' then entries.quantity * products.unit_cost else 0 end as cost_of_goods,
        coalesce(expenses.marketing_expense, 0) as marketing_expense,
        coalesce(expenses.operational_expense, 0) as operational_expense,
        coalesce(expenses.labor_expense, 0) as labor_expense,
        entries.is_attributed,
        covered_days.coverage,
        covered_days.is_partial
    from entries
    inner join covered_days
        on entries.ds = covered_days.ds
    left join core.products as products
        on
            entries.product_id = products.product_id
            and entries.ordered_at >= products.valid_from
            and entries.ordered_at < products.valid_to
    left join expenses
        on
            entries.entry = 'sale'
            and entries.ds = expenses.ds
            and entries.order_id = expenses.order_id
            and entries.line_number = expenses.line_number
)

select
    ds,
    order_ds,
    order_id,
    line_number,
    entry,
    refund_id,
    product_id,
    category,
    customer_id,
    ordered_at,
    sales_channel,
    country_code,
    quantity,
    cast(gross_revenue as decimal(18, 4)) as gross_revenue,
    cast(discount_amount as decimal(18, 4)) as discount_amount,
    cast(refund_amount as decimal(18, 4)) as refund_amount,
    cast(net_revenue as decimal(18, 4)) as net_revenue,
    cast(cost_of_goods as decimal(18, 4)) as cost_of_goods,
    cast(net_revenue - cost_of_goods as decimal(18, 4)) as gross_profit,
    cast(marketing_expense as decimal(18, 4)) as marketing_expense,
    cast(operational_expense as decimal(18, 4)) as operational_expense,
    cast(labor_expense as decimal(18, 4)) as labor_expense,
    cast(
        net_revenue - cost_of_goods - marketing_expense - operational_expense - labor_expense as decimal(18, 4)
    ) as net_profit,
    is_attributed,
    coverage,
    is_partial
from priced
