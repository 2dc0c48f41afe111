{#- Summed from the start on, that is: new + unknown = users ever seen. -#}
{% from 'checks/reconciliation.jinja' import differences with context %}
{% set users = '(select user_id, min(ds) as ds from core.first_activity group by user_id) as users' %}
{% set first_period = "cast(date_trunc('" ~ period_column ~ "', users.ds) as date)" %}
{{ differences(
    measures=['first_seen_users'],
    sides=[
        (table, {'first_seen_users': 'new_users + unknown_users'}),
        (users, {period_column: first_period, 'first_seen_users': '1'}),
    ],
) }}
