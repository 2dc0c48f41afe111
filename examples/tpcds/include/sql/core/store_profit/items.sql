-- A version holds until the next one of its item begins.
with versions as (
    select
        product_id,
        item_number,
        category,
        ds,
        lead(ds) over (partition by product_id order by ds) as replaced_on
    from raw.items
    where ds < date '{{ end }}' and refusal is null
)

select
    product_id,
    item_number,
    category,
    cast(ds as timestamp) as valid_from,
    coalesce(cast(replaced_on as timestamp), timestamp '9999-12-31 00:00:00') as valid_to,
    replaced_on is null as is_current
from versions
