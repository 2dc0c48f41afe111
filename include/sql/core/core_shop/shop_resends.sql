-- An order counts on a day on which its header and a line can be read; what stands on another day than its own takes no place.
{% from 'macros/business_day.jinja' import business_day with context %}
{% from 'macros/identity.jinja' import IDENTITY_DAYS, is_read, on_two_days, resends with context %}
{% macro order_may_count(header) -%}
{{ is_read(header) }} and {{ header }}.ds = {{ business_day(header ~ '.ordered_at') }}
{%- endmacro %}
{% macro refund_may_count(refund) -%}
{{ is_read(refund) }} and {{ refund }}.ds = {{ business_day(refund ~ '.refunded_at') }}
{%- endmacro %}
with headers_on_two_days as (
    {{ on_two_days('raw.orders', 'order_id', order_may_count) | indent }}
),

lines as (
    select distinct
        items.ds,
        items.order_id
    from raw.order_items as items
    where
        items.ds >= cast(date '{{ start }}' - interval '{{ IDENTITY_DAYS }}' day as date)
        and items.ds < date '{{ end }}'
        and {{ is_read('items') }}
        and items.order_id in (
            select record_id
            from headers_on_two_days
        )
),

orders_on_two_days as (
    select
        headers.ds,
        headers.record_id,
        headers.earlier_ds,
        case when later.order_id is not null then headers.later_counts else 0 end as later_counts,
        case when earlier.order_id is not null then headers.earlier_counts else 0 end as earlier_counts
    from headers_on_two_days as headers
    left join lines as later on headers.ds = later.ds and headers.record_id = later.order_id
    left join lines as earlier on headers.earlier_ds = earlier.ds and headers.record_id = earlier.order_id
),

refunds_on_two_days as (
    {{ on_two_days('raw.refunds', 'refund_id', refund_may_count) | indent }}
)

{{ resends('order', 'orders_on_two_days') }}
union all
{{ resends('refund', 'refunds_on_two_days') }}
