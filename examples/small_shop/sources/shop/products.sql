with changes as (
    select
        ds,
        cast(sku as varchar) as product_id,
        cast(name as varchar) as product_name,
        cast(category as varchar) as category,
        cast(unit_cost as decimal(18, 4)) as unit_cost,
        cast(changed_at as timestamp) as updated_at,
        case when operation = 'deleted' then 1 else 0 end as is_deleted,
        row_number() over (
            partition by ds, sku
            order by
                cast(changed_at as timestamp) desc nulls last, operation, name nulls last, category nulls last,
                cast(unit_cost as decimal(18, 4)) desc nulls last
        ) as recency
    from landing.product_changes
    where ds < date '{{ end }}' and headline_refusal is null
),

periods as (
    select
        ds,
        product_id,
        product_name,
        category,
        unit_cost,
        updated_at,
        is_deleted,
        lead(ds) over (partition by product_id order by ds) as replaced_on
    from changes
    where recency = 1
)

select
    days.ds,
    periods.product_id,
    periods.product_name,
    periods.category,
    periods.unit_cost,
    periods.updated_at,
    cast(null as varchar) as refusal,
    cast(null as varchar) as refused_text,
    cast(null as varchar) as refused_origin
from calendar.days as days
inner join periods on days.ds >= periods.ds and (days.ds < periods.replaced_on or periods.replaced_on is null)
where days.ds >= date '{{ start }}' and days.ds < date '{{ end }}' and periods.is_deleted = 0
union all
select
    ds,
    cast(null as varchar) as product_id,
    cast(null as varchar) as product_name,
    cast(null as varchar) as category,
    cast(null as decimal(18, 4)) as unit_cost,
    cast(null as timestamp) as updated_at,
    headline_refusal as refusal,
    headline_text as refused_text,
    headline_origin as refused_origin
from landing.product_changes
where ds >= date '{{ start }}' and ds < date '{{ end }}' and headline_refusal is not null
