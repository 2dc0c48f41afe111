-- Every event that arrived comes out once, valid or with the reason why not. Of events that repeat the fullest one is kept; one
-- that was sent again with another time, so that it stands on another day, counts on the first.
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

-- Those that may be valid, of the days that a record which is sent again can stand on.
days_of_events as (
    select distinct
        event_id,
        ds
    from raw.events
    where
        ds >= cast(date '{{ start }}' - interval '2' day as date)
        and ds < date '{{ end }}'
        and refusal is null
        and user_id is not null
        and event_type is not null
        and ds = {{ business_day('occurred_at') }}
),

earlier as (
    select distinct
        later.event_id,
        later.ds
    from days_of_events as later
    inner join days_of_events as before
        on
            later.event_id = before.event_id
            and before.ds < later.ds
            and before.ds >= cast(later.ds - interval '2' day as date)
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
        when events_in_order.occurred_at is null then 'missing_occurred_at'
        when events_in_order.occurred_on < events_in_order.ds then 'arrived_too_late'
        when events_in_order.occurred_on > events_in_order.ds then 'ahead_of_its_time'
        when events_in_order.occurrence > 1 or earlier.event_id is not null then 'duplicate_event'
        when events_in_order.user_id is null then 'missing_user_id'
        when events_in_order.event_type is null then 'missing_event_type'
    end as quarantine_reason
from events_in_order
left join earlier on events_in_order.event_id = earlier.event_id and events_in_order.ds = earlier.ds
