{% from 'checks/reconciliation.jinja' import differences with context %}
{% set at_the_rate %}
{{ table }} as entries
inner join core.exchange_rates as rates on entries.ds = rates.ds and entries.currency_code = rates.currency_code
{% endset %}
{% set amount = 'cast(entries.amount_in_expense_currency as decimal(19, 4))' %}
{{ differences(
    by=['ds', 'currency_code'],
    measures=['amount'],
    sides=[
        table,
        (at_the_rate, {
            'ds': 'entries.ds',
            'currency_code': 'entries.currency_code',
            'amount': 'round(' ~ amount ~ ' * rates.rate_to_reporting, 2)',
        }),
    ],
) }}
