{#- Rounded to 6 digits, stickiness is off by 0.0000005 at most, which the 28 days multiply. -#}
{% from 'checks/interval.jinja' import in_interval with context %}
select engagement.ds
from engagement.daily_engagement as engagement
inner join (
    select
        ds,
        count(*) as active_users
    from core.user_days
    where {{ in_interval('ds', lookback_days=27) }}
    group by ds
) as active on active.ds <= engagement.ds and active.ds > cast(engagement.ds - interval '28' day as date)
where {{ in_interval('engagement.ds') }}
group by engagement.ds, engagement.stickiness, engagement.monthly_active_users
having
    abs(28 * engagement.stickiness * engagement.monthly_active_users - sum(active.active_users))
    > 0.000015 * engagement.monthly_active_users
