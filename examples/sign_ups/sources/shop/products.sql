-- Nothing is sold.
select
    ds,
    cast(null as varchar) as product_id,
    cast(null as varchar) as product_name,
    cast(null as varchar) as category,
    cast(null as decimal(18, 4)) as unit_cost,
    cast(null as timestamp) as updated_at,
    cast(null as varchar) as refusal,
    cast(null as varchar) as refused_text,
    cast(null as varchar) as refused_origin
from calendar.days
where ds >= date '{{ start }}' and ds < date '{{ end }}' and false
