{% from 'macros/versions.jinja' import versions %}
with rows_in_order as (
    select
        ds,
        product_id,
        product_name,
        category,
        unit_cost,
        updated_at,
        row_number() over (
            partition by ds, product_id
            order by updated_at desc nulls last, unit_cost desc nulls last, category nulls last, product_name nulls last
        ) as occurrence
    from raw.products
),

snapshots as (
    select
        ds,
        product_id,
        product_name,
        category,
        unit_cost,
        updated_at,
        occurrence,
        case
            when product_id is null then 'missing_product_id'
            when occurrence > 1 then 'duplicate_product'
            when updated_at is null then 'missing_updated_at'
            when category is null then 'missing_category'
            when unit_cost is null then 'missing_unit_cost'
            when unit_cost < 0 then 'negative_unit_cost'
        end as quarantine_reason
    from rows_in_order
),

{{ versions(key='product_id', attributes=['product_name', 'category', 'unit_cost']) }}

select
    product_id,
    product_name,
    category,
    unit_cost,
    valid_from,
    valid_to,
    is_current,
    cast(null as varchar) as quarantine_reason
from versions
union all
select distinct
    product_id,
    product_name,
    category,
    unit_cost,
    updated_at as valid_from,
    cast(null as timestamp) as valid_to,
    false as is_current,
    quarantine_reason
from snapshots
where quarantine_reason is not null
