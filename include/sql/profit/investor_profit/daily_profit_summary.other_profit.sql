{% from 'checks/reconciliation.jinja' import differences with context %}
{% set sales = 'gross_revenue - discount_amount' %}
{% set costed = 'case when not has_unit_cost then 0 else gross_revenue - discount_amount end' %}
{% set uncosted = 'case when not has_unit_cost then gross_revenue - discount_amount else 0 end' %}
{{ differences(
    by=['ds'],
    measures=['net_revenue', 'uncosted_net_revenue', 'gross_profit', 'net_profit'],
    sides=[
        table,
        ('core.order_lines', {
            'net_revenue': sales, 'uncosted_net_revenue': uncosted, 'gross_profit': costed, 'net_profit': costed,
        }),
        ('core.refund_lines', {
            'net_revenue': '0 - refund_amount', 'uncosted_net_revenue': '0',
            'gross_profit': '0 - refund_amount', 'net_profit': '0 - refund_amount',
        }),
        ('profit.unit_profit', {
            'net_revenue': '0', 'uncosted_net_revenue': '0',
            'gross_profit': '0 - cost_of_goods', 'net_profit': '0 - cost_of_goods',
        }),
        ('core.expenses', {
            'net_revenue': '0', 'uncosted_net_revenue': '0', 'gross_profit': '0', 'net_profit': '0 - amount',
        }),
    ],
) }}
