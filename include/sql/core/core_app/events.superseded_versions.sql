{% from 'macros/identity.jinja' import superseded_but_there with context %}
{{ superseded_but_there('core.app_superseded', 'event', 'event_id') }}
