-- A table of its own, so that unit_profit does not change when a window closes.
-- A window has closed once its last day brought orders, or one of the 16 days after it, should the shop have been shut.
with order_days as (
    select distinct ds
    from core.order_lines
)

select distinct
    order_days.ds as order_ds,
    cast(order_days.ds as timestamp) as valid_from,
    cast(order_days.ds + interval '1' day as timestamp) as valid_to
from order_days
inner join order_days as later
    on
        later.ds >= cast(order_days.ds + interval '29' day as date)
        and later.ds <= cast(order_days.ds + interval '45' day as date)
