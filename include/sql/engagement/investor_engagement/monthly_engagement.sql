-- Partial is a month that has a partial day, or whose MAU, which may reach into the month before, have one, or that lacks a day
-- before the last one that is there.
{% from 'macros/coverage.jinja' import covered_days with context %}
{% from 'macros/ratio.jinja' import ratio %}
{% set days_in_month = "date_diff('day', month, cast(month + interval '1' month as date))" %}
with {{ covered_days(['core.app_coverage']) }},

days as (
    select
        engagement.ds,
        cast(date_trunc('month', engagement.ds) as date) as month,
        engagement.daily_active_users,
        engagement.monthly_active_users,
        engagement.stickiness,
        covered_days.coverage,
        case when covered_days.is_partial then 1 else 0 end as is_partial,
        case when engagement.is_partial then 1 else 0 end as is_window_partial,
        row_number() over (
            partition by cast(date_trunc('month', engagement.ds) as date) order by engagement.ds desc
        ) as days_to_go
    from engagement.daily_engagement as engagement
    inner join covered_days on engagement.ds = covered_days.ds
),

months as (
    select
        month,
        count(*) as day_count,
        max(ds) as last_ds,
        sum(coverage) as covered_day_count,
        max(greatest(is_partial, case when days_to_go = 1 then is_window_partial else 0 end)) as is_partial,
        sum(daily_active_users) as user_day_count,
        max(case when days_to_go = 1 then monthly_active_users end) as monthly_active_users,
        max(case when days_to_go = 1 then stickiness end) as stickiness
    from days
    group by month
),

users as (
    select
        cast(date_trunc('month', ds) as date) as month,
        user_id,
        count(*) as active_day_count
    from core.user_days
    where ds >= date '{{ start }}' and ds < date '{{ end }}'
    group by cast(date_trunc('month', ds) as date), user_id
),

spread as (
    select
        month,
        count(*) as active_users,
        count(case when active_day_count = 1 then 1 end) as one_day_users,
        count(case when active_day_count between 2 and 4 then 1 end) as two_to_four_days_users,
        count(case when active_day_count between 5 and 9 then 1 end) as five_to_nine_days_users,
        count(case when active_day_count between 10 and 19 then 1 end) as ten_to_nineteen_days_users,
        count(case when active_day_count >= 20 then 1 end) as twenty_days_or_more_users
    from users
    group by month
),

covered as (
    select
        month,
        day_count,
        user_day_count,
        monthly_active_users,
        stickiness,
        day_count = {{ days_in_month }} as is_whole,
        {{ ratio('covered_day_count', days_in_month) }} as coverage,
        is_partial > 0 or day_count <= date_diff('day', month, last_ds) as is_partial
    from months
)

select
    covered.month,
    {{ ratio('covered.user_day_count', 'covered.day_count') }} as mean_daily_active_users,
    cast(covered.monthly_active_users as bigint) as monthly_active_users,
    covered.stickiness,
    cast(coalesce(spread.active_users, 0) as bigint) as active_users,
    cast(coalesce(spread.one_day_users, 0) as bigint) as one_day_users,
    cast(coalesce(spread.two_to_four_days_users, 0) as bigint) as two_to_four_days_users,
    cast(coalesce(spread.five_to_nine_days_users, 0) as bigint) as five_to_nine_days_users,
    cast(coalesce(spread.ten_to_nineteen_days_users, 0) as bigint) as ten_to_nineteen_days_users,
    cast(coalesce(spread.twenty_days_or_more_users, 0) as bigint) as twenty_days_or_more_users,
    covered.coverage,
    covered.is_partial,
    not covered.is_whole as is_provisional
from covered
left join spread on covered.month = spread.month
