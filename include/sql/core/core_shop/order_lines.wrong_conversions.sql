{% from 'checks/reconciliation.jinja' import differences with context %}
{% set at_the_rate %}
{{ table }} as lines
inner join core.exchange_rates as rates on lines.ds = rates.ds and lines.currency_code = rates.currency_code
{% endset %}
{% set gross = 'cast(lines.quantity * lines.unit_price_in_order_currency as decimal(19, 4))' %}
{% set discount = 'cast(lines.discount_amount_in_order_currency as decimal(19, 4))' %}
{{ differences(
    by=['ds', 'currency_code'],
    measures=['gross_revenue', 'discount_amount'],
    sides=[
        table,
        (at_the_rate, {
            'ds': 'lines.ds',
            'currency_code': 'lines.currency_code',
            'gross_revenue': 'round(' ~ gross ~ ' * rates.rate_to_reporting, 4)',
            'discount_amount': 'round(' ~ discount ~ ' * rates.rate_to_reporting, 4)',
        }),
    ],
) }}
