{#- From core alone: unit costs by the version of the product, expenses but those that found no order line. -#}
{% from 'checks/reconciliation.jinja' import differences with context %}
{% set sold %}
core.order_lines as lines
left join core.products as products
    on
        lines.product_id = products.product_id
        and lines.ordered_at >= products.valid_from
        and lines.ordered_at < products.valid_to
{% endset %}
{% set profit = 'lines.gross_revenue - lines.discount_amount - lines.quantity * products.unit_cost' %}
{# A sale without a known cost bears its expenses all the same. #}
{% set net_profit = 'coalesce(net_profit, 0 - marketing_expense - operational_expense - labor_expense)' %}
{{ differences(
    by=['ds'],
    measures=['gross_profit', 'net_profit'],
    sides=[
        (table, {'net_profit': net_profit}),
        (sold, {'ds': 'lines.ds', 'gross_profit': profit, 'net_profit': profit}),
        ('core.refund_lines', {'gross_profit': '0 - refund_amount', 'net_profit': '0 - refund_amount'}),
        ('core.expenses', {'gross_profit': '0', 'net_profit': '0 - amount'}),
        ('profit.expense_allocation', {'gross_profit': '0', 'net_profit': 'amount', 'where': 'order_id is null'}),
    ],
) }}
