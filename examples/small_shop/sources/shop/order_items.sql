with lines as (
    select
        ds,
        cast(order_number as varchar) as order_id,
        cast(position as integer) as line_number,
        cast(sku as varchar) as product_id,
        cast(quantity as integer) as quantity,
        cast(line_total as decimal(18, 4)) as line_total,
        headline_refusal,
        headline_text,
        headline_origin
    from landing.sales
    where ds >= date '{{ start }}' and ds < date '{{ end }}'
),

-- A line without pieces, or with a negative total, goes on as it is: core refuses it by its reason.
rounded as (
    select
        ds,
        order_id,
        line_number,
        product_id,
        quantity,
        line_total,
        case
            when quantity > 0 and line_total >= 0
                then round(cast(cast(line_total as double) / nullif(cast(quantity as double), 0) as decimal(18, 6)), 4)
        end as rounded_price,
        headline_refusal,
        headline_text,
        headline_origin
    from lines
),

priced as (
    select
        ds,
        order_id,
        line_number,
        product_id,
        quantity,
        line_total,
        case when quantity * rounded_price < line_total then rounded_price + 0.0001 else rounded_price end as unit_price,
        headline_refusal,
        headline_text,
        headline_origin
    from rounded
)

select
    ds,
    order_id,
    line_number,
    product_id,
    quantity,
    cast(coalesce(unit_price, line_total) as decimal(18, 4)) as unit_price,
    cast(coalesce(quantity * unit_price - line_total, 0) as decimal(18, 4)) as discount_amount,
    headline_refusal as refusal,
    headline_text as refused_text,
    headline_origin as refused_origin
from priced
