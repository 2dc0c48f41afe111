{% from 'checks/reconciliation.jinja' import differences with context %}
{% set exposed %}
core.user_days as active
inner join core.exposures as exposures on active.user_id = exposures.user_id and active.ds >= exposures.ds
{% endset %}
{{ differences(
    measures=['active_users'],
    sides=[
        table,
        ('core.user_days', {'experiment_id': "'all'", 'variant': "'all'", 'active_users': '1'}),
        (exposed, {'ds': 'active.ds', 'active_users': '1', 'where': 'not exposures.is_contaminated'}),
    ],
) }}
