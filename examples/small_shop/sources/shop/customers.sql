select
    ds,
    cast(customer_number as varchar) as customer_id,
    cast(registered_at as timestamp) as signed_up_at,
    cast(country as varchar) as country_code,
    cast(email as varchar) as email,
    -- The list does not say when a row changed: not before the day on which it is seen.
    cast(ds as timestamp) as updated_at,
    headline_refusal as refusal,
    headline_text as refused_text,
    headline_origin as refused_origin
from landing.customers
where ds >= date '{{ start }}' and ds < date '{{ end }}'
