-- sqlfluff:dialect:postgres
-- The shop keeps UTC; a business day begins and ends in the reporting zone.
select
    cast(refunded_at at time zone 'UTC' at time zone '{{ reporting_zone }}' as date) as ds,
    refund_id,
    order_id,
    line_number,
    refunded_at,
    quantity,
    amount
from refunds
where
    refunded_at >= timestamp '{{ start }}' at time zone '{{ reporting_zone }}' at time zone 'UTC'
    and refunded_at < timestamp '{{ end }}' at time zone '{{ reporting_zone }}' at time zone 'UTC'
order by ds, refunded_at, refund_id, order_id, line_number, quantity, amount
