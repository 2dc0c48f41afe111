{% from 'checks/reconciliation.jinja' import differences with context %}
{% set exposed_next_day %}
core.user_days as active
inner join core.exposures as exposures
    on active.user_id = exposures.user_id and cast(active.ds + interval '1' day as date) >= exposures.ds
{% endset %}
{% set on_the_next_day = {'ds': "cast(active.ds + interval '1' day as date)", 'days': 'active.ds', 'lookback_days': 1} %}
{{ differences(
    measures=['users_before'],
    sides=[
        (table, {'users_before': 'retained_users + churned_users'}),
        (
            'core.user_days as active',
            dict(on_the_next_day, experiment_id="'all'", variant="'all'", users_before='1'),
        ),
        (exposed_next_day, dict(on_the_next_day, users_before='1', where='not exposures.is_contaminated')),
    ],
) }}
