{% from 'checks/reconciliation.jinja' import differences with context %}
{% set expected %}
(
    select
        pools.ds,
        pools.expense_type,
        pools.sales_channel,
        channels.line_count
    from (
        select distinct
            ds,
            expense_type,
            sales_channel
        from core.expenses
    ) as pools
    inner join (
        select
            ds,
            sales_channel,
            count(*) as line_count
        from core.order_lines
        where gross_revenue > discount_amount
        group by ds, sales_channel
    ) as channels
        on pools.ds = channels.ds and (pools.sales_channel = channels.sales_channel or pools.sales_channel is null)
) as shares
{% endset %}
{{ differences(
    by=['ds', 'expense_type', 'sales_channel'],
    sides=[(table, {'where': 'order_id is not null'}), (expected, {'row_count': 'line_count'})],
) }}
