{% from 'checks/reconciliation.jinja' import differences with context %}
{% set units_so_far %}
calendar.days as days
inner join (
    select
        entries.ds,
        exposures.experiment_id,
        exposures.variant,
        sum(entries.net_revenue) as net_revenue_sum,
        sum(entries.gross_profit) as gross_profit_sum,
        sum(entries.net_profit) as net_profit_sum
    from core.exposures as exposures
    inner join (
        select
            booked.order_ds as ds,
            booked.customer_id,
            booked.ordered_at,
            sum(booked.net_revenue) as net_revenue,
            sum(booked.gross_profit) as gross_profit,
            sum(booked.net_profit) as net_profit
        from profit.unit_profit as booked
        where
            booked.ds < cast(date '{{ end }}' + interval '29' day as date)
            and booked.order_ds < date '{{ end }}'
            and booked.is_attributed
            and booked.customer_id in (
                select exposed.user_id
                from core.exposures as exposed
                where not exposed.is_contaminated
            )
        group by booked.order_ds, booked.customer_id, booked.ordered_at
    ) as entries on exposures.user_id = entries.customer_id and exposures.exposed_at <= entries.ordered_at
    where not exposures.is_contaminated
    group by entries.ds, exposures.experiment_id, exposures.variant
) as units on days.ds >= units.ds
{% endset %}
{{ differences(
    measures=['net_revenue_sum', 'gross_profit_sum', 'net_profit_sum'],
    sides=[table, (units_so_far, {'ds': 'days.ds'})],
) }}
