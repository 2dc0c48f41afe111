select
    ds,
    cast(order_id as varchar) as order_id,
    cast(line_number as integer) as line_number,
    cast(product_id as varchar) as product_id,
    cast(quantity as integer) as quantity,
    cast(unit_price as decimal(18, 4)) as unit_price,
    cast(discount_amount as decimal(18, 4)) as discount_amount,
    headline_refusal as refusal,
    headline_text as refused_text,
    headline_origin as refused_origin
from landing.order_items
where ds >= date '{{ start }}' and ds < date '{{ end }}'
