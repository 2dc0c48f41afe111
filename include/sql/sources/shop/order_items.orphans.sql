-- sqlfluff:dialect:postgres
-- Lines of an order that is not there: no day brings them. It reads both tables whole, which is too much for every day.
select
    order_items.order_id,
    order_items.line_number
from order_items
left join orders on order_items.order_id = orders.order_id
where order_items.order_id is not null and orders.order_id is null
order by order_items.order_id, order_items.line_number
