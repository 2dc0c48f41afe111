-- sqlfluff:dialect:postgres
-- The shop keeps UTC; a business day begins and ends in the reporting zone.
select
    cast(ordered_at at time zone 'UTC' at time zone '{{ reporting_zone }}' as date) as ds,
    order_id,
    customer_id,
    ordered_at,
    order_status,
    sales_channel,
    country_code,
    currency_code
from orders
where
    ordered_at >= timestamp '{{ start }}' at time zone '{{ reporting_zone }}' at time zone 'UTC'
    and ordered_at < timestamp '{{ end }}' at time zone '{{ reporting_zone }}' at time zone 'UTC'
order by ds, ordered_at, order_id, customer_id, order_status, sales_channel, country_code, currency_code
