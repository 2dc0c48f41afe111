select
    ds,
    cast(order_number as varchar) as order_id,
    max(cast(customer_number as varchar)) as customer_id,
    min(cast(ordered_at as timestamp)) as ordered_at,
    cast('paid' as varchar) as order_status,
    cast('web' as varchar) as sales_channel,
    cast('DE' as varchar) as country_code,
    cast('EUR' as varchar) as currency_code,
    cast(null as varchar) as refusal,
    cast(null as varchar) as refused_text,
    cast(null as varchar) as refused_origin
from landing.sales
where ds >= date '{{ start }}' and ds < date '{{ end }}' and headline_refusal is null
group by ds, order_number
