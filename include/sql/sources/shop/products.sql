select
    ds,
    cast(product_id as varchar) as product_id,
    cast(product_name as varchar) as product_name,
    cast(category as varchar) as category,
    cast(unit_cost as decimal(18, 4)) as unit_cost,
    cast(updated_at as timestamp) as updated_at,
    headline_refusal as refusal,
    headline_text as refused_text,
    headline_origin as refused_origin
from landing.products
where ds >= date '{{ start }}' and ds < date '{{ end }}'
