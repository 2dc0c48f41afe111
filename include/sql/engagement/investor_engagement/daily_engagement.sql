-- A window of W days is [t - W + 1, t].
{% from 'macros/coverage.jinja' import covered_days with context %}
{% from 'macros/ratio.jinja' import ratio %}
with history as (
    select min(ds) as first_ds
    from core.first_activity
    where ds < date '{{ end }}'
),

active as (
    select
        ds,
        user_id,
        event_count,
        lead(ds) over (partition by user_id order by ds) as active_again_on
    from core.user_days
    where ds >= cast(date '{{ start }}' - interval '27' day as date) and ds < date '{{ end }}'
),

-- An active day keeps its user in a window until his next one does, or until the window has left it behind. So users enter and
-- leave, and no day is read again for every window that holds it.
movements as (
    select
        ds,
        1 as active_users,
        1 as weekly_users,
        1 as monthly_users,
        event_count
    from active
    union all
    select
        least(coalesce(active_again_on, date '9999-12-31'), cast(ds + interval '7' day as date)) as ds,
        0 as active_users,
        -1 as weekly_users,
        0 as monthly_users,
        0 as event_count
    from active
    union all
    select
        least(coalesce(active_again_on, date '9999-12-31'), cast(ds + interval '28' day as date)) as ds,
        0 as active_users,
        0 as weekly_users,
        -1 as monthly_users,
        0 as event_count
    from active
),

{{ covered_days(['core.app_coverage'], before="'27' day") }},

days as (
    select
        covered_days.ds,
        case when covered_days.ds >= history.first_ds then covered_days.coverage else 0 end as coverage,
        case when covered_days.is_partial then 1 else 0 end as is_partial,
        coalesce(sum(movements.active_users), 0) as active_users,
        coalesce(sum(movements.weekly_users), 0) as weekly_users,
        coalesce(sum(movements.monthly_users), 0) as monthly_users,
        coalesce(sum(movements.event_count), 0) as event_count
    from covered_days
    cross join history
    left join movements on covered_days.ds = movements.ds
    group by covered_days.ds, covered_days.coverage, covered_days.is_partial, history.first_ds
),

running as (
    select
        ds,
        active_users as daily_active_users,
        sum(weekly_users) over (order by ds) as weekly_active_users,
        sum(monthly_users) over (order by ds) as monthly_active_users,
        sum(active_users) over (order by ds rows between 27 preceding and current row) as user_day_count,
        sum(coverage) over (order by ds rows between 27 preceding and current row) as covered_day_count,
        max(is_partial) over (order by ds rows between 27 preceding and current row) as is_partial,
        event_count
    from days
),

windows as (
    select
        running.ds,
        running.daily_active_users,
        running.weekly_active_users,
        running.monthly_active_users,
        running.user_day_count,
        running.event_count,
        running.covered_day_count,
        running.is_partial,
        least(date_diff('day', history.first_ds, running.ds) + 1, 28) as day_count
    from running
    inner join history on running.ds >= history.first_ds
    where running.ds >= date '{{ start }}'
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
    {{ ratio('windows.covered_day_count', '28') }} as coverage,
    windows.is_partial > 0 as is_partial
from windows
left join sessions on windows.ds = sessions.ds
