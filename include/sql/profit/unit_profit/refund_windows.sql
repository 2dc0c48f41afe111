-- Apart from unit_profit, so that a new day of orders makes only those days stale whose window closes with it.
-- A window has closed once its last day brought orders, or one of the 16 days after it, should the shop have been shut.
-- How far that looks is bounded for each day by itself: else it would depend on the other days of the run.
{% from 'checks/interval.jinja' import in_interval with context %}
with order_days as (
    select distinct ds
    from core.order_lines
    where
        ds >= cast(date '{{ start }}' + interval '29' day as date)
        and ds < cast(date '{{ end }}' + interval '45' day as date)
),

closed_days as (
    select distinct days.ds
    from calendar.days as days
    inner join order_days
        on
            order_days.ds >= cast(days.ds + interval '29' day as date)
            and order_days.ds <= cast(days.ds + interval '45' day as date)
    where {{ in_interval('days.ds') }}
)

select
    days.ds,
    closed_days.ds is not null as is_closed
from calendar.days as days
left join closed_days on days.ds = closed_days.ds
where {{ in_interval('days.ds') }}
