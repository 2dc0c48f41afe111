-- A session that lasts over midnight is one on each of the two days.
{% macro second_of_day(moment) -%}
{#- Engines disagree on whether the part SECOND has a fraction; all of them write a timestamp as YYYY-MM-DD HH:MM:SS. -#}
(extract(hour from {{ moment }}) * 3600 + extract(minute from {{ moment }}) * 60
+ cast(substring(cast({{ moment }} as varchar), 18, 2) as integer))
{%- endmacro %}
with events as (
    select
        ds,
        session_id,
        user_id,
        platform,
        occurred_at,
        row_number() over (partition by ds, session_id, user_id order by occurred_at, event_id) as position
    from core.events
    where
        ds >= date '{{ start }}' and ds < date '{{ end }}'
        and session_id is not null
        and event_type <> 'notification_received'
),

sessions as (
    select
        ds,
        session_id,
        user_id,
        max(case when position = 1 then platform end) as platform,
        min(occurred_at) as started_at,
        max(occurred_at) as ended_at,
        count(*) as event_count
    from events
    group by ds, session_id, user_id
),

durations as (
    select
        ds,
        session_id,
        user_id,
        platform,
        started_at,
        date_diff('day', cast(started_at as date), cast(ended_at as date)) * 86400
        + {{ second_of_day('ended_at') }} - {{ second_of_day('started_at') }} as seconds,
        event_count
    from sessions
)

select
    ds,
    session_id,
    user_id,
    platform,
    started_at,
    cast(cast(seconds as double) / 60 as decimal(18, 4)) as session_minutes,
    cast(event_count as bigint) as event_count
from durations
