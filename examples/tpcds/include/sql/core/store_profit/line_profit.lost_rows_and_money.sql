{#- Returns arrive too: of the sides that are subtracted they are one below 0. -#}
{% from 'checks/reconciliation.jinja' import differences with context %}
{{ differences(
    by=['ds', 'entry'],
    measures=['row_count', 'stated_net_profit'],
    sides=[
        ('raw.store_sales', {'entry': "'sale'"}),
        ('raw.store_returns', {'entry': "'return'", 'row_count': '(-1)', 'stated_net_profit': 'stated_loss_amount'}),
        table,
        'quarantine.line_profit',
    ],
) }}
