select
    ds,
    cast(refund_id as varchar) as refund_id,
    cast(order_id as varchar) as order_id,
    cast(line_number as integer) as line_number,
    cast(refunded_at as timestamp) as refunded_at,
    cast(quantity as integer) as quantity,
    cast(amount as decimal(18, 4)) as amount,
    headline_refusal as refusal,
    headline_text as refused_text,
    headline_origin as refused_origin
from landing.refunds
where ds >= date '{{ start }}' and ds < date '{{ end }}'
