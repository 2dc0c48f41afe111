{% from 'checks/reconciliation.jinja' import differences with context %}
{% from 'macros/growth.jinja' import active_users with context %}
{% set length, days = ("'7' day", 7) if period_column == 'week' else ("'1' month", 31) %}
{% set next_period = "cast(users." ~ period_column ~ " + interval " ~ length ~ " as date)" %}
{{ differences(
    measures=['users_before'],
    sides=[
        (table, {'users_before': 'retained_users + churned_users'}),
        (active_users(period_column, lookback_days=days), {period_column: next_period, 'users_before': '1'}),
    ],
) }}
