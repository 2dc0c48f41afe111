with entries as (
    select
        customer_id,
        min(order_ds) as first_order_on,
        max(order_ds) as last_order_on,
        count(distinct order_id) as order_count,
        cast(sum(net_revenue) as decimal(18, 2)) as net_revenue
    from profit.unit_profit
    where ds < date '{{ end }}' and customer_id is not null and order_ds is not null
    group by customer_id
)

select
    entries.customer_id,
    customers.country_code,
    entries.first_order_on,
    entries.last_order_on,
    entries.order_count,
    entries.net_revenue
from entries
inner join core.customers as customers on entries.customer_id = customers.customer_id and customers.is_current
