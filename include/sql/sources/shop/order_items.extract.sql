-- sqlfluff:dialect:postgres
-- A line belongs to the day of its order; an order that is there twice must not multiply its lines. One that stands on two days
-- has its lines on both, so that a day brings the same alone and in a range; core counts the newest. Lines of an order without a
-- day have none, nor have those that name no order.
{% from 'macros/extract.jinja' import business_day, in_interval with context %}
with

orders_of_interval as (
    select distinct
        order_id,
        {{ business_day('ordered_at') }} as ds
    from orders
    where {{ in_interval('ordered_at') }}
),

lines as (
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
    union all
    select
        cast(null as date) as ds,
        order_id,
        line_number,
        product_id,
        quantity,
        unit_price,
        discount_amount
    from order_items
    where order_id is null
)

select
    ds,
    order_id,
    line_number,
    product_id,
    quantity,
    unit_price,
    discount_amount
from lines
order by ds, order_id, line_number, product_id, quantity, unit_price, discount_amount
