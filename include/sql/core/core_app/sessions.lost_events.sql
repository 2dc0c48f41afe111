{% from 'checks/reconciliation.jinja' import differences with context %}
{% set counted = "session_id is not null and event_type <> 'notification_received'" %}
{{ differences(
    measures=['event_count'],
    sides=[table, ('core.events', {'event_count': '1', 'where': counted})],
) }}
