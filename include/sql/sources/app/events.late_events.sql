{% from 'macros/business_day.jinja' import business_day with context %}
{% from 'checks/interval.jinja' import in_interval with context %}
select
    ds,
    event_id,
    occurred_at
from raw.events
where
    {{ in_interval('ds') }}
    and (occurred_at is null or ds <> {{ business_day('occurred_at') }})
