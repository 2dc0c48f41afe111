{% from 'checks/reconciliation.jinja' import differences with context %}
{{ differences(
    measures=['daily_active_users'],
    sides=[table, ('core.user_days', {'daily_active_users': '1'})],
) }}
