{% from 'checks/reconciliation.jinja' import differences with context %}
{{ differences(
    by=['ds', 'order_id', 'line_number'],
    measures=['row_count', 'gross_revenue', 'discount_amount', 'net_revenue'],
    sides=[
        (table, {'where': "entry = 'sale'"}),
        ('core.order_lines', {'net_revenue': 'gross_revenue - discount_amount'}),
    ],
) }}
