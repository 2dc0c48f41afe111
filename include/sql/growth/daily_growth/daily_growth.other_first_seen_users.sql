{#- Summed from the start on, that is: new + unknown = users ever seen. -#}
{% from 'checks/reconciliation.jinja' import differences with context %}
{% set users = '(select user_id, min(ds) as ds from core.first_activity group by user_id) as users' %}
{{ differences(
    by=['ds'],
    measures=['first_seen_users'],
    sides=[
        (table, {'first_seen_users': 'new_users + unknown_users', 'where': "experiment_id = 'all'"}),
        (users, {'first_seen_users': '1'}),
    ],
) }}
