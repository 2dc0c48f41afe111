-- A cancellation does not say which order it cancels: it is taken to be the customer's latest sale of that product until then.
-- Without one, as for every guest, it is a refund without an order. Lines are numbered as in order_items.
-- A cancellation takes units back: its quantity is negative. One that is positive is no refund, and core refuses it by that name.
{% from 'macros/utc.jinja' import utc with context %}
with lines as (
    select
        ds,
        "InvoiceNo" as invoice,
        dense_rank() over (
            partition by ds, "InvoiceNo"
            order by
                "InvoiceDate", "StockCode", "Description" nulls last, "Quantity", "UnitPrice", "CustomerID" nulls last, "Country"
        ) as line_number,
        "StockCode" as product_id,
        cast(cast("CustomerID" as bigint) as varchar) as customer_id,
        cast("InvoiceDate" as timestamp) as refunded_at,
        -cast("Quantity" as integer) as quantity,
        cast("UnitPrice" as decimal(18, 4)) as unit_price,
        case
            when headline_refusal is not null then headline_refusal
            when cast("Quantity" as integer) > 0 then 'positive_quantity_on_a_cancellation'
        end as refusal,
        coalesce(headline_text, case when cast("Quantity" as integer) > 0 then cast("Quantity" as varchar) end) as refused_text,
        headline_origin as refused_origin
    from landing.retail_lines
    where ds >= date '{{ start }}' and ds < date '{{ end }}' and "InvoiceNo" like 'C%'
),

refunds as (
    select
        ds,
        invoice || '-' || cast(line_number as varchar) as refund_id,
        product_id,
        customer_id,
        {{ utc('refunded_at') }} as refunded_at,
        quantity,
        quantity * unit_price as amount,
        refusal,
        refused_text,
        refused_origin
    from lines
),

-- As core will see them: what it refuses cannot be refunded.
sales as (
    select
        orders.customer_id,
        items.product_id,
        orders.ordered_at,
        items.order_id,
        items.line_number
    from raw.order_items as items
    inner join raw.orders as orders on items.ds = orders.ds and items.order_id = orders.order_id
    where items.quantity > 0 and items.unit_price >= 0
),

matches as (
    select
        refunds.refund_id,
        sales.order_id,
        sales.line_number,
        row_number() over (
            partition by refunds.refund_id
            order by sales.ordered_at desc, sales.order_id desc, sales.line_number desc
        ) as recency
    from refunds
    inner join sales
        on
            refunds.customer_id = sales.customer_id
            and refunds.product_id = sales.product_id
            and refunds.refunded_at >= sales.ordered_at
)

select
    refunds.ds,
    cast(refunds.refund_id as varchar) as refund_id,
    cast(matches.order_id as varchar) as order_id,
    cast(matches.line_number as integer) as line_number,
    refunds.refunded_at,
    cast(refunds.quantity as integer) as quantity,
    cast(refunds.amount as decimal(18, 4)) as amount,
    cast(refunds.refusal as varchar) as refusal,
    cast(refunds.refused_text as varchar) as refused_text,
    cast(refunds.refused_origin as varchar) as refused_origin
from refunds
left join matches on refunds.refund_id = matches.refund_id and matches.recency = 1
