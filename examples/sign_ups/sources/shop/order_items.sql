-- Nothing is sold.
select
    ds,
    cast(null as varchar) as order_id,
    cast(null as integer) as line_number,
    cast(null as varchar) as product_id,
    cast(null as integer) as quantity,
    cast(null as decimal(18, 4)) as unit_price,
    cast(null as decimal(18, 4)) as discount_amount,
    cast(null as varchar) as refusal,
    cast(null as varchar) as refused_text,
    cast(null as varchar) as refused_origin
from calendar.days
where ds >= date '{{ start }}' and ds < date '{{ end }}' and false
