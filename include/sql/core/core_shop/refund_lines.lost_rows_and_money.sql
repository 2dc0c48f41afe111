{% from 'checks/reconciliation.jinja' import differences with context %}
{% set refunds %}
(
    select
        ds,
        refund_id,
        sum(amount_in_order_currency) as amount
    from {{ table }}
    group by ds, refund_id
) as refunds
{% endset %}
{{ differences(
    by=['ds', 'refund_id'],
    measures=['row_count', 'amount'],
    sides=[
        'raw.refunds',
        refunds,
        ('quarantine.refund_lines', {'amount': 'amount_in_order_currency'}),
    ],
) }}
