-- An order counts on a day on which its header and a line can be read; what stands on another day than its own takes no place.
-- Lines that come again without their header give way to those of the day that has it. Where they say anything new they are told
-- apart, as `order_lines`: then something is lost with them.
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

lines_alone as (
    select
        items.ds,
        items.order_id,
        items.line_number,
        items.product_id,
        items.quantity,
        items.unit_price,
        items.discount_amount
    from raw.order_items as items
    left join raw.orders as headers on items.ds = headers.ds and items.order_id = headers.order_id
    where
        items.ds >= date '{{ start }}'
        and items.ds < date '{{ end }}'
        and items.order_id is not null
        and headers.order_id is null
),

headers_before as (
    select
        lines_alone.ds,
        lines_alone.order_id,
        max(headers.ds) as header_ds
    from lines_alone
    inner join raw.orders as headers
        on
            lines_alone.order_id = headers.order_id
            and lines_alone.ds > headers.ds
            and lines_alone.ds <= cast(headers.ds + interval '{{ IDENTITY_DAYS }}' day as date)
    where {{ order_may_count('headers') }}
    group by lines_alone.ds, lines_alone.order_id
),

lines_again as (
    select
        headers_before.ds,
        headers_before.order_id as record_id,
        headers_before.header_ds as earlier_ds,
        0 as later_counts,
        1 as earlier_counts,
        max(case when known.order_id is null then 1 else 0 end) as has_news
    from headers_before
    inner join lines_alone on headers_before.ds = lines_alone.ds and headers_before.order_id = lines_alone.order_id
    left join raw.order_items as known
        on
            headers_before.header_ds = known.ds
            and lines_alone.order_id = known.order_id
            and lines_alone.line_number = known.line_number
            and lines_alone.product_id = known.product_id
            and lines_alone.quantity = known.quantity
            and lines_alone.unit_price = known.unit_price
            and lines_alone.discount_amount = known.discount_amount
            and {{ is_read('known') }}
    group by headers_before.ds, headers_before.order_id, headers_before.header_ds
),

lines_repeated as (
    select
        ds,
        record_id,
        earlier_ds,
        later_counts,
        earlier_counts
    from lines_again
    where has_news = 0
),

lines_changed as (
    select
        ds,
        record_id,
        earlier_ds,
        later_counts,
        earlier_counts
    from lines_again
    where has_news = 1
),

refunds_on_two_days as (
    {{ on_two_days('raw.refunds', 'refund_id', refund_may_count) | indent }}
)

{{ resends('order', 'orders_on_two_days') }}
union all
{{ resends('order', 'lines_repeated') }}
union all
{{ resends('order_lines', 'lines_changed') }}
union all
{{ resends('refund', 'refunds_on_two_days') }}
