{% from 'checks/reconciliation.jinja' import differences with context %}
{% set at_the_rate %}
(
    select
        ds,
        refund_id,
        min(currency_code) as currency_code,
        cast(sum(amount_in_order_currency) as decimal(19, 4)) as amount
    from {{ table }}
    group by ds, refund_id
) as refunds
inner join core.exchange_rates as rates on refunds.ds = rates.ds and refunds.currency_code = rates.currency_code
{% endset %}
{{ differences(
    by=['ds', 'refund_id'],
    measures=['refund_amount'],
    sides=[
        table,
        (at_the_rate, {'ds': 'refunds.ds', 'refund_amount': 'round(refunds.amount * rates.rate_to_reporting, 4)'}),
    ],
) }}
