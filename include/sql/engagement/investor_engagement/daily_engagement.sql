-- A window of W days is [t - W + 1, t].
{% from 'macros/ratio.jinja' import ratio %}
with history as (
    select min(ds) as first_ds
    from core.user_days
    where ds < date '{{ end }}'
),

days as (
    select
        days.ds,
        least(date_diff('day', history.first_ds, days.ds) + 1, 28) as day_count
    from calendar.days as days
    cross join history
    where days.ds >= date '{{ start }}' and days.ds < date '{{ end }}' and days.ds >= history.first_ds
),

windows as (
    select
        days.ds,
        days.day_count,
        count(case when active.ds = days.ds then 1 end) as daily_active_users,
        count(
            distinct case when active.ds > cast(days.ds - interval '7' day as date) then active.user_id end
        ) as weekly_active_users,
        count(distinct active.user_id) as monthly_active_users,
        count(active.user_id) as user_day_count,
        sum(case when active.ds = days.ds then active.event_count end) as event_count
    from days
    left join core.user_days as active
        on active.ds > cast(days.ds - interval '28' day as date) and active.ds <= days.ds
    group by days.ds, days.day_count
),

ranked_sessions as (
    select
        ds,
        session_minutes,
        row_number() over (partition by ds order by session_minutes, session_id) as session_rank,
        count(*) over (partition by ds) as session_count
    from core.sessions
    where ds >= date '{{ start }}' and ds < date '{{ end }}'
),

-- The median is the mean of the one or two sessions in the middle.
sessions as (
    select
        ds,
        session_count,
        (min(session_minutes) + max(session_minutes)) * 0.5 as median_session_minutes
    from ranked_sessions
    where 2 * session_rank >= session_count and 2 * session_rank <= session_count + 2
    group by ds, session_count
)

select
    windows.ds,
    cast(windows.daily_active_users as bigint) as daily_active_users,
    cast(windows.weekly_active_users as bigint) as weekly_active_users,
    cast(windows.monthly_active_users as bigint) as monthly_active_users,
    case
        when windows.day_count = 28 then {{ ratio('windows.user_day_count', '(28 * windows.monthly_active_users)') }}
    end as stickiness,
    cast(coalesce(sessions.session_count, 0) as bigint) as session_count,
    {{ ratio('coalesce(sessions.session_count, 0)', 'windows.daily_active_users') }} as sessions_per_user,
    cast(round(sessions.median_session_minutes, 4) as decimal(18, 4)) as median_session_minutes,
    {{ ratio('windows.event_count', 'windows.daily_active_users') }} as events_per_user,
    {{ ratio('windows.day_count', '28') }} as coverage
from windows
left join sessions on windows.ds = sessions.ds
