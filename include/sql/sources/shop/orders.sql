select
    ds,
    cast(order_id as varchar) as order_id,
    cast(customer_id as varchar) as customer_id,
    cast(ordered_at as timestamp) as ordered_at,
    cast(order_status as varchar) as order_status,
    cast(sales_channel as varchar) as sales_channel,
    cast(country_code as varchar) as country_code,
    cast(currency_code as varchar) as currency_code
from landing.orders
where ds >= date '{{ start }}' and ds < date '{{ end }}'
