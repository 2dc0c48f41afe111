-- sqlfluff:dialect:postgres
-- A line belongs to the day of its order; an order that is there twice must not multiply its lines. One that stands on two days
-- has its lines on both, so that a day brings the same alone and in a range; core counts the newest.
with

orders_of_interval as (
    select distinct
        order_id,
        cast(ordered_at at time zone 'UTC' at time zone '{{ reporting_zone }}' as date) as ds
    from orders
    where
        ordered_at >= timestamp '{{ start }}' at time zone '{{ reporting_zone }}' at time zone 'UTC'
        and ordered_at < timestamp '{{ end }}' at time zone '{{ reporting_zone }}' at time zone 'UTC'
)

select
    orders_of_interval.ds,
    order_items.order_id,
    order_items.line_number,
    order_items.product_id,
    order_items.quantity,
    order_items.unit_price,
    order_items.discount_amount
from order_items
inner join orders_of_interval on order_items.order_id = orders_of_interval.order_id
order by
    orders_of_interval.ds,
    order_items.order_id,
    order_items.line_number,
    order_items.product_id,
    order_items.quantity,
    order_items.unit_price,
    order_items.discount_amount
