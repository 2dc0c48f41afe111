-- What is refused, or stands on another day than its own, takes no other's place.
{% from 'macros/business_day.jinja' import business_day with context %}
{% from 'macros/identity.jinja' import is_read, on_two_days, resends with context %}
{% macro may_count(event) -%}
{{ is_read(event) }} and {{ event }}.user_id is not null and {{ event }}.event_type is not null
and {{ event }}.ds = {{ business_day(event ~ '.occurred_at') }}
{%- endmacro %}
with events_on_two_days as (
    {{ on_two_days('raw.events', 'event_id', may_count) | indent }}
)

{{ resends('event', 'events_on_two_days') }}
