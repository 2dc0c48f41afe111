{#- An order without lines is told by a row of its own, which is no line. -#}
{% from 'checks/reconciliation.jinja' import differences with context %}
{% set in_order_currency = {
    'gross_amount': 'quantity * unit_price_in_order_currency',
    'discount_amount': 'discount_amount_in_order_currency',
} %}
{{ differences(
    measures=['row_count', 'gross_amount', 'discount_amount'],
    sides=[
        ('raw.order_items', {'gross_amount': 'quantity * unit_price'}),
        (table, in_order_currency),
        ('quarantine.order_lines', dict(in_order_currency, where="quarantine_reason <> 'order_without_lines'")),
    ],
) }}
