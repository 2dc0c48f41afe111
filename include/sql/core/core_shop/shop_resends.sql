-- An order is told by the day of its lines; one whose header is missing or cannot be read does not count there.
{% from 'macros/identity.jinja' import IDENTITY_DAYS, is_read, on_two_days, resends with context %}
with lines_on_two_days as (
    {{ on_two_days('raw.order_items', 'order_id') | indent }}
),

headers as (
    select distinct
        headers.ds,
        headers.order_id
    from raw.orders as headers
    where
        headers.ds >= cast(date '{{ start }}' - interval '{{ IDENTITY_DAYS }}' day as date)
        and headers.ds < date '{{ end }}'
        and {{ is_read('headers') }}
        and headers.ordered_at is not null
),

orders_on_two_days as (
    select
        lines.ds,
        lines.record_id,
        lines.earlier_ds,
        case when lines.later_counts = 1 and later.order_id is not null then 1 else 0 end as later_counts,
        case when lines.earlier_counts = 1 and earlier.order_id is not null then 1 else 0 end as earlier_counts
    from lines_on_two_days as lines
    left join headers as later on lines.ds = later.ds and lines.record_id = later.order_id
    left join headers as earlier on lines.earlier_ds = earlier.ds and lines.record_id = earlier.order_id
),

refunds_on_two_days as (
    {{ on_two_days('raw.refunds', 'refund_id') | indent }}
)

{{ resends('order', 'orders_on_two_days') }}
union all
{{ resends('refund', 'refunds_on_two_days') }}
