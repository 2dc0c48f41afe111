{% from 'checks/reconciliation.jinja' import differences with context %}
{% set exposed = 'calendar.days as days inner join core.exposures as exposures on days.ds >= exposures.ds' %}
{{ differences(
    measures=['exposed_users', 'contaminated_users'],
    sides=[
        table,
        (exposed, {
            'ds': 'days.ds',
            'exposed_users': 'case when exposures.is_contaminated then 0 else 1 end',
            'contaminated_users': 'case when exposures.is_contaminated then 1 else 0 end',
        }),
    ],
) }}
