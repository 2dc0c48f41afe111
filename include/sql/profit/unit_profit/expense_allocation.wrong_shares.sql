{#- From core alone: a part differs by less than one cent from pool × revenue of the line ÷ revenue of all lines of the pool. -#}
{% from 'checks/interval.jinja' import in_interval with context %}
select
    parts.ds,
    parts.expense_type,
    parts.sales_channel,
    parts.order_id,
    parts.line_number,
    parts.amount
from {{ table }} as parts
left join core.order_lines as lines
    on parts.ds = lines.ds and parts.order_id = lines.order_id and parts.line_number = lines.line_number
left join (
    select
        expenses.ds,
        expenses.expense_type,
        expenses.sales_channel,
        expenses.amount,
        cast(sum(channels.revenue) as decimal(18, 4)) as revenue
    from (
        select
            ds,
            expense_type,
            coalesce(sales_channel, '') as sales_channel,
            cast(sum(amount) as decimal(18, 4)) as amount
        from core.expenses
        where {{ in_interval('ds') }}
        group by ds, expense_type, coalesce(sales_channel, '')
    ) as expenses
    inner join (
        select
            ds,
            sales_channel,
            sum(gross_revenue - discount_amount) as revenue
        from core.order_lines
        where {{ in_interval('ds') }}
        group by ds, sales_channel
    ) as channels
        on expenses.ds = channels.ds and expenses.sales_channel in ('', channels.sales_channel)
    group by expenses.ds, expenses.expense_type, expenses.sales_channel, expenses.amount
) as pools
    on
        parts.ds = pools.ds
        and parts.expense_type = pools.expense_type
        and coalesce(parts.sales_channel, '') = pools.sales_channel
where
    {{ in_interval('parts.ds') }}
    and parts.order_id is not null
    and (
        lines.ds is null
        or pools.ds is null
        or abs(parts.amount * pools.revenue - pools.amount * (lines.gross_revenue - lines.discount_amount))
        >= 0.01 * pools.revenue
    )
