{% from 'macros/business_day.jinja' import business_day with context %}
{% set amounts = ['amount_in_order_currency', 'refund_amount'] %}
{% from 'macros/identity.jinja' import join_superseded with context %}
with refunds as (
    select
        ds,
        refund_id,
        order_id,
        line_number,
        refunded_at,
        quantity,
        amount,
        refusal,
        row_number() over (
            partition by ds, refund_id
            order by
                refusal nulls first, amount desc nulls last, quantity desc nulls last,
                order_id nulls last, line_number nulls last, refunded_at nulls last
        ) as occurrence
    from raw.refunds
    where ds >= date '{{ start }}' and ds < date '{{ end }}'
),

-- Of refunds that repeat on a day the fullest is kept; of those that contradict each other on the money none counts.
contradicting as (
    select
        ds,
        refund_id
    from refunds
    where refusal is null
    group by ds, refund_id
    having
        count(*) > 1
        and (min(amount) <> max(amount) or min(order_id) <> max(order_id) or min(line_number) <> max(line_number))
),

-- Where a line stands on two days, too far apart for identity to look, a refund is of the newest of them that is not after it.
lines as (
    select
        ds,
        order_id,
        line_number,
        product_id,
        customer_id,
        ordered_at,
        sales_channel,
        country_code,
        currency_code,
        gross_revenue - discount_amount as net_revenue,
        lead(ds) over (partition by order_id, line_number order by ds) as next_ds
    from core.order_lines
    where
        order_id in (
            select order_id
            from refunds
        )
),

-- A refund of a whole order names no line: its order's lines bear it by their net revenue, here in whole steps of the 4th digit.
lines_of_whole_orders as (
    select
        ds,
        order_id,
        line_number,
        product_id,
        cast(net_revenue * 10000 as decimal(20, 0)) as driver
    from lines
    where
        order_id in (
            select order_id
            from refunds
            where line_number is null
        )
),

whole_orders as (
    select
        ds,
        order_id,
        min(customer_id) as customer_id,
        min(ordered_at) as ordered_at,
        min(sales_channel) as sales_channel,
        min(country_code) as country_code,
        min(currency_code) as currency_code,
        lead(ds) over (partition by order_id order by ds) as next_ds
    from lines
    group by ds, order_id
),

matched as (
    select
        refunds.ds,
        refunds.refund_id,
        refunds.order_id,
        refunds.line_number,
        lines.product_id,
        coalesce(lines.customer_id, whole_orders.customer_id) as customer_id,
        coalesce(lines.ordered_at, whole_orders.ordered_at) as ordered_at,
        coalesce(lines.ds, whole_orders.ds) as order_ds,
        coalesce(lines.sales_channel, whole_orders.sales_channel) as sales_channel,
        coalesce(lines.country_code, whole_orders.country_code) as country_code,
        refunds.refunded_at,
        -- A refund without an order has no currency of its own: it is in reporting currency.
        case
            when refunds.order_id is null then '{{ reporting_currency }}'
            else coalesce(lines.currency_code, whole_orders.currency_code)
        end as currency_code,
        refunds.quantity,
        refunds.amount,
        refunds.refusal,
        refunds.occurrence
    from refunds
    left join lines
        on
            refunds.order_id = lines.order_id
            and refunds.line_number = lines.line_number
            and refunds.ds >= lines.ds
            and (refunds.ds < lines.next_ds or lines.next_ds is null)
    left join whole_orders
        on
            refunds.line_number is null
            and refunds.order_id = whole_orders.order_id
            and refunds.ds >= whole_orders.ds
            and (refunds.ds < whole_orders.next_ds or whole_orders.next_ds is null)
),

judged as (
    select
        matched.ds,
        matched.refund_id,
        matched.order_id,
        matched.line_number,
        matched.product_id,
        matched.customer_id,
        matched.ordered_at,
        matched.order_ds,
        matched.sales_channel,
        matched.country_code,
        matched.refunded_at,
        matched.currency_code,
        rates.rate_to_reporting,
        matched.quantity,
        matched.amount as amount_in_order_currency,
        cast(round(cast(matched.amount as decimal(19, 4)) * rates.rate_to_reporting, 4) as decimal(18, 4)) as refund_amount,
        case
            when matched.refusal is not null then matched.refusal
            when matched.refund_id is null then 'missing_refund_id'
            when superseded.record_id is null and contradicting.refund_id is not null then 'contradicting_refunds'
            when matched.occurrence > 1 or superseded.record_id is not null then 'duplicate_refund'
            when matched.order_id is not null and matched.order_ds is null then 'order_line_not_found'
            when matched.refunded_at is null then 'missing_refunded_at'
            when {{ business_day('matched.refunded_at') }} <> matched.ds then 'wrong_business_day'
            when matched.line_number is not null and matched.quantity is null then 'missing_quantity'
            when matched.quantity < 0 then 'negative_quantity'
            when matched.amount is null then 'missing_amount'
            when matched.amount < 0 then 'negative_amount'
            when rates.rate_to_reporting is null then 'missing_exchange_rate'
        end as quarantine_reason
    from matched
    left join contradicting on matched.ds = contradicting.ds and matched.refund_id = contradicting.refund_id
    {{ join_superseded('core.shop_superseded', 'refund', 'matched', 'refund_id') }}
    left join core.exchange_rates as rates
        on matched.ds = rates.ds and matched.currency_code = rates.currency_code
),

-- What the lines share is split in whole cents; the rest below a cent goes to the first of them.
shares as (
    select
        judged.ds,
        judged.refund_id,
        lines.line_number,
        lines.product_id,
        lines.driver,
        {% for amount in amounts %}
        judged.{{ amount }},
        cast(floor(judged.{{ amount }} * 100) as decimal(18, 0)) as {{ amount }}_cents,
        {% endfor %}
        cast(sum(lines.driver) over (partition by judged.ds, judged.refund_id) as decimal(20, 0)) as order_driver
    from judged
    inner join lines_of_whole_orders as lines
        on judged.order_id = lines.order_id and judged.order_ds = lines.ds and lines.driver > 0
    where judged.line_number is null and judged.quarantine_reason is null
),

remainders as (
    select
        {% for amount in amounts %}
        {{ amount }},
        {{ amount }}_cents,
        {{ amount }}_cents * driver % order_driver as {{ amount }}_remainder,
        {% endfor %}
        driver,
        order_driver,
        ds,
        refund_id,
        line_number,
        product_id
    from shares
),

-- The division leaves no rest and its result is far below 2^53, so the double is exact.
floors as (
    select
        {% for amount in amounts %}
        {{ amount }},
        {{ amount }}_cents,
        cast(
            round(
                cast({{ amount }}_cents * driver - {{ amount }}_remainder as double) / nullif(cast(order_driver as double), 0), 0
            ) as bigint
        ) as {{ amount }}_floor_cents,
        row_number() over (
            partition by ds, refund_id
            order by {{ amount }}_remainder desc, line_number
        ) as {{ amount }}_rank,
        {% endfor %}
        ds,
        refund_id,
        line_number,
        product_id
    from remainders
),

left_over as (
    select
        {% for amount in amounts %}
        {{ amount }} - {{ amount }}_cents * 0.01 as {{ amount }}_below_a_cent,
        {{ amount }}_floor_cents,
        {{ amount }}_rank,
        {{ amount }}_cents - sum({{ amount }}_floor_cents) over (partition by ds, refund_id) as {{ amount }}_left_over_cents,
        {% endfor %}
        ds,
        refund_id,
        line_number,
        product_id
    from floors
),

-- The cents that the floors leave over go to the largest remainders, one each.
parts as (
    select
        {% for amount in amounts %}
        case
            when {{ amount }}_rank <= {{ amount }}_left_over_cents then {{ amount }}_floor_cents + 1
            else {{ amount }}_floor_cents
        end * 0.01 + case when {{ amount }}_rank = 1 then {{ amount }}_below_a_cent else 0 end as {{ amount }},
        {% endfor %}
        ds,
        refund_id,
        line_number,
        product_id
    from left_over
)

select
    judged.ds,
    judged.refund_id,
    judged.order_id,
    coalesce(judged.line_number, parts.line_number) as line_number,
    coalesce(judged.product_id, parts.product_id) as product_id,
    judged.customer_id,
    judged.ordered_at,
    judged.order_ds,
    judged.sales_channel,
    judged.country_code,
    judged.refunded_at,
    judged.currency_code,
    judged.rate_to_reporting,
    judged.quantity,
    {% for amount in amounts %}
    cast(coalesce(parts.{{ amount }}, judged.{{ amount }}) as decimal(18, 4)) as {{ amount }},
    {% endfor %}
    judged.quarantine_reason
from judged
left join parts
    on judged.ds = parts.ds and judged.refund_id = parts.refund_id and judged.quarantine_reason is null
