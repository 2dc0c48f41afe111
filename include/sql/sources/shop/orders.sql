select
    ds,
    cast(order_id as varchar) as order_id,
    cast(customer_id as varchar) as customer_id,
    cast(ordered_at as timestamp) as ordered_at,
    cast(order_status as varchar) as order_status,
    cast(sales_channel as varchar) as sales_channel,
    cast(country_code as varchar) as country_code,
    cast(currency_code as varchar) as currency_code,
    headline_refusal as refusal,
    headline_text as refused_text,
    headline_origin as refused_origin
from landing.orders
where ds >= date '{{ start }}' and ds < date '{{ end }}'
