{% from 'checks/reconciliation.jinja' import differences with context %}
{{ differences(
    by=['ds'],
    measures=['gross_revenue', 'discount_amount', 'refund_amount', 'unit_count'],
    sides=[
        table,
        ('core.order_lines', {'refund_amount': '0', 'unit_count': 'quantity'}),
        ('core.refund_lines', {'gross_revenue': '0', 'discount_amount': '0', 'unit_count': '0'}),
    ],
) }}
