{#- The coverage tells the days; both factors are rounded to 6 digits. -#}
{% from 'checks/interval.jinja' import in_interval with context %}
select monthly.month
from engagement.monthly_engagement as monthly
inner join (
    select
        cast(date_trunc('month', ds) as date) as month,
        count(*) as day_count,
        sum(daily_active_users) as user_day_count
    from engagement.daily_engagement
    where {{ in_interval('ds') }}
    group by cast(date_trunc('month', ds) as date)
) as days on monthly.month = days.month
where abs(monthly.mean_daily_active_users * days.day_count - days.user_day_count) > 0.00002
