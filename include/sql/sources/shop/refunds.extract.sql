-- sqlfluff:dialect:postgres
-- The shop keeps UTC; a business day begins and ends in the reporting zone.
{% from 'macros/extract.jinja' import business_day, in_interval with context %}
select
    {{ business_day('refunded_at') }} as ds,
    refund_id,
    order_id,
    line_number,
    refunded_at,
    quantity,
    amount
from refunds
where {{ in_interval('refunded_at') }}
order by ds, refunded_at, refund_id, order_id, line_number, quantity, amount
