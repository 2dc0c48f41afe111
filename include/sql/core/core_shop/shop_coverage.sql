-- What follows from money and rows stands in the macro, for all core pipelines alike. What is worth 0 is so in any currency.
{% from 'macros/coverage.jinja' import coverage_of with context %}
{{ coverage_of(
    ['order_lines', 'refund_lines'],
    money={
        'order_lines': ('revenue', 'case when quantity * unit_price_in_order_currency = 0 then 0 else gross_revenue end'),
        'refund_lines': ('refund_amount', 'case when amount_in_order_currency = 0 then 0 else refund_amount end'),
    },
    costed={'order_lines': 'has_unit_cost'},
) }}
