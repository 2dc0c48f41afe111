-- Active is who did something: to be notified is not enough.
with activity as (
    select
        ds,
        user_id,
        count(*) as event_count
    from core.events
    where
        ds >= date '{{ start }}' and ds < date '{{ end }}'
        and event_type <> 'notification_received'
    group by ds, user_id
),

stays as (
    select
        ds,
        user_id,
        count(*) as session_count
    from core.sessions
    where ds >= date '{{ start }}' and ds < date '{{ end }}'
    group by ds, user_id
)

select
    activity.ds,
    activity.user_id,
    cast(coalesce(stays.session_count, 0) as bigint) as session_count,
    cast(activity.event_count as bigint) as event_count
from activity
left join stays on activity.ds = stays.ds and activity.user_id = stays.user_id
