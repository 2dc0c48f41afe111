-- Nothing is sold.
select
    ds,
    cast(null as varchar) as order_id,
    cast(null as varchar) as customer_id,
    cast(null as timestamp) as ordered_at,
    cast(null as varchar) as order_status,
    cast(null as varchar) as sales_channel,
    cast(null as varchar) as country_code,
    cast(null as varchar) as currency_code,
    cast(null as varchar) as refusal,
    cast(null as varchar) as refused_text,
    cast(null as varchar) as refused_origin
from calendar.days
where ds >= date '{{ start }}' and ds < date '{{ end }}' and false
