{% from 'macros/versions.jinja' import changes, snapshot_days with context %}
with {{ snapshot_days('raw.products') }},

rows_in_order as (
    select
        products.ds,
        snapshot_days.next_ds,
        products.product_id,
        products.product_name,
        products.category,
        products.unit_cost,
        products.updated_at,
        products.refusal,
        row_number() over (
            partition by products.ds, products.product_id
            order by
                products.refusal nulls first, products.updated_at desc nulls last, products.unit_cost desc nulls last,
                products.category nulls last, products.product_name nulls last
        ) as occurrence
    from raw.products as products
    inner join snapshot_days on products.ds = snapshot_days.ds
),

snapshots as (
    select
        ds,
        next_ds,
        product_id,
        product_name,
        category,
        unit_cost,
        updated_at,
        case
            when refusal is not null then refusal
            when product_id is null then 'missing_product_id'
            when occurrence > 1 then 'duplicate_product'
            when updated_at is null then 'missing_updated_at'
            when category is null then 'missing_category'
            when unit_cost < 0 then 'negative_unit_cost'
        end as quarantine_reason
    from rows_in_order
)

{{ changes(key='product_id', attributes=['product_name', 'category', 'unit_cost']) }}
