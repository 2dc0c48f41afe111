{% from 'checks/reconciliation.jinja' import differences with context %}
{% set counted = "event_type <> 'notification_received'" %}
{{ differences(
    measures=['session_count', 'event_count'],
    sides=[
        table,
        ('core.events', {'session_count': '0', 'event_count': '1', 'where': counted}),
        ('core.sessions', {'session_count': '1', 'event_count': '0'}),
    ],
) }}
