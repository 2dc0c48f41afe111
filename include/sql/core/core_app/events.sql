-- Every event that arrived comes out once, valid or with the reason why not. Of events that repeat the fullest one is kept.
{% from 'macros/business_day.jinja' import business_day with context %}
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
                user_id nulls last, event_type nulls last, session_id nulls last,
                occurred_at nulls last, platform nulls last
        ) as occurrence
    from events
)

select
    ds,
    event_id,
    user_id,
    session_id,
    event_type,
    occurred_at,
    platform,
    case
        when refusal is not null then refusal
        when event_id is null then 'missing_event_id'
        when occurred_at is null then 'missing_occurred_at'
        when occurred_on < ds then 'arrived_too_late'
        when occurred_on > ds then 'ahead_of_its_time'
        when occurrence > 1 then 'duplicate_event'
        when user_id is null then 'missing_user_id'
        when event_type is null then 'missing_event_type'
    end as quarantine_reason
from events_in_order
