{% from 'checks/completeness.jinja' import missing_periods with context %}
{% from 'macros/identity.jinja' import not_superseded with context %}
{{ missing_periods(expected=not_superseded('raw.events', 'core.app_superseded', 'event', 'event_id')) }}
