{% from 'checks/reconciliation.jinja' import differences with context %}
{{ differences(
    measures=['net_revenue', 'uncosted_net_revenue', 'gross_profit', 'net_profit'],
    sides=[
        table,
        ('profit.daily_profit_summary', {'month': "cast(date_trunc('month', ds) as date)", 'days': 'ds'}),
    ],
) }}
