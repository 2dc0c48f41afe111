-- Nothing is sold.
select
    ds,
    cast(null as varchar) as refund_id,
    cast(null as varchar) as order_id,
    cast(null as integer) as line_number,
    cast(null as timestamp) as refunded_at,
    cast(null as integer) as quantity,
    cast(null as decimal(18, 4)) as amount,
    cast(null as varchar) as refusal,
    cast(null as varchar) as refused_text,
    cast(null as varchar) as refused_origin
from calendar.days
where ds >= date '{{ start }}' and ds < date '{{ end }}' and false
