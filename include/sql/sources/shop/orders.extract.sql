-- sqlfluff:dialect:postgres
-- The shop keeps UTC; a business day begins and ends in the reporting zone.
{% from 'macros/extract.jinja' import business_day, in_interval with context %}
select
    {{ business_day('ordered_at') }} as ds,
    order_id,
    customer_id,
    ordered_at,
    order_status,
    sales_channel,
    country_code,
    currency_code
from orders
where {{ in_interval('ordered_at') }}
order by ds, ordered_at, order_id, customer_id, order_status, sales_channel, country_code, currency_code
