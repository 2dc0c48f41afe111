select
    ds,
    cast(customer_id as varchar) as customer_id,
    cast(signed_up_at as timestamp) as signed_up_at,
    cast(country_code as varchar) as country_code,
    cast(email as varchar) as email,
    cast(updated_at as timestamp) as updated_at,
    headline_refusal as refusal,
    headline_text as refused_text,
    headline_origin as refused_origin
from landing.customers
where ds >= date '{{ start }}' and ds < date '{{ end }}'
