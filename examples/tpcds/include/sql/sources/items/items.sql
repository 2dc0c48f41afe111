select
    ds,
    cast(i_item_sk as bigint) as item_number,
    cast(i_item_id as varchar) as product_id,
    cast(i_category as varchar) as category,
    cast(i_rec_end_date as date) as last_date,
    headline_refusal as refusal,
    headline_text as refused_text,
    headline_origin as refused_origin
from landing.items
where ds >= date '{{ start }}' and ds < date '{{ end }}'
