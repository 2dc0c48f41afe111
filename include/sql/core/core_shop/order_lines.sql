-- Every line that arrived comes out once, valid or with the reason why not; an order that was sold and has no line on its day is
-- told by a row without line. Of lines and of headers that repeat on a day the fullest one is kept, of those that could be read;
-- where two of them contradict each other on what was sold or paid, nobody knows which is right, and none counts.
{% from 'macros/business_day.jinja' import business_day with context %}
{% from 'macros/identity.jinja' import join_superseded with context %}
with items as (
    select
        ds,
        order_id,
        line_number,
        product_id,
        quantity,
        unit_price,
        discount_amount,
        refusal,
        cast(quantity * unit_price as decimal(19, 4)) as gross_amount,
        row_number() over (
            partition by ds, order_id, line_number
            order by
                refusal nulls first, quantity desc nulls last, unit_price desc nulls last,
                discount_amount nulls last, product_id nulls last
        ) as occurrence
    from raw.order_items
    where ds >= date '{{ start }}' and ds < date '{{ end }}'
),

orders as (
    select
        ds,
        order_id,
        customer_id,
        ordered_at,
        order_status,
        sales_channel,
        country_code,
        currency_code,
        refusal,
        row_number() over (
            partition by ds, order_id
            order by
                refusal nulls first, ordered_at nulls last, order_status nulls last, customer_id nulls last,
                currency_code nulls last, sales_channel nulls last, country_code nulls last
        ) as occurrence
    from raw.orders
    where ds >= date '{{ start }}' and ds < date '{{ end }}'
),

contradicting_lines as (
    select
        ds,
        order_id,
        line_number
    from items
    where refusal is null
    group by ds, order_id, line_number
    having
        count(*) > 1
        and (
            min(product_id) <> max(product_id)
            or min(quantity) <> max(quantity)
            or min(unit_price) <> max(unit_price)
            or min(discount_amount) <> max(discount_amount)
        )
),

contradicting_orders as (
    select
        ds,
        order_id
    from orders
    where refusal is null
    group by ds, order_id
    having count(*) > 1 and min(currency_code) <> max(currency_code)
)

select
    items.ds,
    items.order_id,
    items.line_number,
    items.product_id,
    orders.customer_id,
    orders.ordered_at,
    orders.sales_channel,
    orders.country_code,
    orders.currency_code,
    rates.rate_to_reporting,
    items.quantity,
    items.unit_price as unit_price_in_order_currency,
    items.discount_amount as discount_amount_in_order_currency,
    cast(round(cast(items.unit_price as decimal(19, 4)) * rates.rate_to_reporting, 4) as decimal(18, 4)) as unit_price,
    cast(round(items.gross_amount * rates.rate_to_reporting, 4) as decimal(18, 4)) as gross_revenue,
    cast(round(cast(items.discount_amount as decimal(19, 4)) * rates.rate_to_reporting, 4) as decimal(18, 4)) as discount_amount,
    products.unit_cost is not null as has_unit_cost,
    case
        when items.refusal is not null then items.refusal
        when items.order_id is null then 'missing_order_id'
        when items.line_number is null then 'missing_line_number'
        when superseded.record_id is null and contradicting_lines.order_id is not null then 'contradicting_order_lines'
        when items.occurrence > 1 then 'duplicate_order_line'
        when superseded.record_id is not null then 'duplicate_order'
        when strayed.record_id is not null then 'wrong_business_day'
        when orders.order_id is null then 'order_not_found'
        when orders.refusal is not null then orders.refusal
        when contradicting_orders.order_id is not null then 'contradicting_orders'
        when orders.ordered_at is null then 'missing_ordered_at'
        when {{ business_day('orders.ordered_at') }} <> items.ds then 'wrong_business_day'
        when items.product_id is null then 'missing_product_id'
        when products.product_id is null then 'unknown_product'
        when items.quantity is null then 'missing_quantity'
        when items.quantity <= 0 then 'non_positive_quantity'
        when items.unit_price is null then 'missing_unit_price'
        when items.unit_price < 0 then 'negative_unit_price'
        when items.discount_amount is null then 'missing_discount'
        when items.discount_amount < 0 then 'negative_discount'
        when items.discount_amount > items.gross_amount then 'discount_exceeds_gross'
        when coalesce(orders.order_status, '') not in ('paid', 'shipped', 'delivered') then 'unknown_order_status'
        when coalesce(orders.sales_channel, '') not in ('web', 'app', 'marketplace') then 'unknown_sales_channel'
        when rates.rate_to_reporting is null then 'missing_exchange_rate'
    end as quarantine_reason
from items
left join orders
    on items.ds = orders.ds and items.order_id = orders.order_id and orders.occurrence = 1
left join contradicting_lines
    on
        items.ds = contradicting_lines.ds
        and items.order_id = contradicting_lines.order_id
        and items.line_number = contradicting_lines.line_number
left join contradicting_orders
    on items.ds = contradicting_orders.ds and items.order_id = contradicting_orders.order_id
{{ join_superseded('core.shop_superseded', 'order', 'items', 'order_id') }}
{{ join_superseded('core.shop_superseded', 'order_lines', 'items', 'order_id', alias='strayed') }}
left join core.products as products
    on
        items.product_id = products.product_id
        and orders.ordered_at >= products.valid_from
        and orders.ordered_at < products.valid_to
left join core.exchange_rates as rates
    on orders.ds = rates.ds and orders.currency_code = rates.currency_code
union all
select
    orders.ds,
    orders.order_id,
    cast(null as integer) as line_number,
    cast(null as varchar) as product_id,
    orders.customer_id,
    orders.ordered_at,
    orders.sales_channel,
    orders.country_code,
    orders.currency_code,
    cast(null as decimal(18, 8)) as rate_to_reporting,
    cast(null as integer) as quantity,
    cast(null as decimal(18, 4)) as unit_price_in_order_currency,
    cast(null as decimal(18, 4)) as discount_amount_in_order_currency,
    cast(null as decimal(18, 4)) as unit_price,
    cast(null as decimal(18, 4)) as gross_revenue,
    cast(null as decimal(18, 4)) as discount_amount,
    false as has_unit_cost,
    'order_without_lines' as quarantine_reason
from orders
{{ join_superseded('core.shop_superseded', 'order', 'orders', 'order_id') }}
where
    orders.occurrence = 1
    and orders.order_id is not null
    and superseded.record_id is null
    and (orders.refusal is not null or orders.order_status in ('paid', 'shipped', 'delivered'))
    and not exists (
        select 1 as is_there
        from items
        where items.ds = orders.ds and items.order_id = orders.order_id
    )
