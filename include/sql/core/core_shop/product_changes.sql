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

-- Two costs of one product and moment: nobody knows which is right, so that what was known before goes on.
contradicting as (
    select
        ds,
        product_id,
        updated_at
    from rows_in_order
    where refusal is null
    group by ds, product_id, updated_at
    having count(*) > 1 and min(unit_cost) <> max(unit_cost)
),

snapshots as (
    select
        known.ds,
        known.next_ds,
        known.product_id,
        known.product_name,
        known.category,
        known.unit_cost,
        known.updated_at,
        case
            when known.refusal is not null then known.refusal
            when known.product_id is null then 'missing_product_id'
            when known.occurrence > 1 then 'duplicate_product'
            when known.updated_at is null then 'missing_updated_at'
            when contradicting.product_id is not null then 'contradicting_products'
            when known.category is null then 'missing_category'
            when known.unit_cost < 0 then 'negative_unit_cost'
        end as quarantine_reason
    from rows_in_order as known
    left join contradicting
        on
            known.ds = contradicting.ds
            and known.product_id = contradicting.product_id
            and known.updated_at = contradicting.updated_at
)

{{ changes(key='product_id', attributes=['product_name', 'category', 'unit_cost']) }}
