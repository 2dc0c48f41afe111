-- Every event that arrived comes out once, valid or with the reason why not. Of those that repeat on a day the fullest is kept.
{% from 'macros/business_day.jinja' import business_day with context %}
{% from 'macros/identity.jinja' import join_superseded with context %}
with events as (
    select
        ds,
        event_id,
        user_id,
        session_id,
        event_type,
        occurred_at,
        platform,
        refusal,
        {{ business_day('occurred_at') }} as occurred_on
    from raw.events
    where ds >= date '{{ start }}' and ds < date '{{ end }}'
),

events_in_order as (
    select
        ds,
        event_id,
        user_id,
        session_id,
        event_type,
        occurred_at,
        platform,
        refusal,
        occurred_on,
        row_number() over (
            partition by ds, occurred_on, event_id
            order by
                refusal nulls first, user_id nulls last, event_type nulls last, session_id nulls last,
                occurred_at nulls last, platform nulls last
        ) as occurrence
    from events
)

select
    events_in_order.ds,
    events_in_order.event_id,
    events_in_order.user_id,
    events_in_order.session_id,
    events_in_order.event_type,
    events_in_order.occurred_at,
    events_in_order.platform,
    case
        when events_in_order.refusal is not null then events_in_order.refusal
        when events_in_order.event_id is null then 'missing_event_id'
        when superseded.record_id is not null then 'duplicate_event'
        when events_in_order.occurred_at is null then 'missing_occurred_at'
        when events_in_order.occurred_on < events_in_order.ds then 'arrived_too_late'
        when events_in_order.occurred_on > events_in_order.ds then 'ahead_of_its_time'
        when events_in_order.occurrence > 1 then 'duplicate_event'
        when events_in_order.user_id is null then 'missing_user_id'
        when events_in_order.event_type is null then 'missing_event_type'
    end as quarantine_reason
from events_in_order
{{ join_superseded('core.app_superseded', 'event', 'events_in_order', 'event_id') }}
