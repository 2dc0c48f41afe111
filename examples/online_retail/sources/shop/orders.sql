-- An invoice is an order, unless its number begins with C: then it is a cancellation, a refund. All of it was sold on the web.
{% from 'macros/country_code.jinja' import country_code %}
{% from 'macros/utc.jinja' import utc with context %}
with invoices as (
    select
        ds,
        "InvoiceNo" as order_id,
        max(cast("CustomerID" as bigint)) as customer_id,
        -- The lines of a long invoice were typed in over two minutes.
        min(cast("InvoiceDate" as timestamp)) as ordered_at,
        max("Country") as country
    from landing.retail_lines
    where ds >= date '{{ start }}' and ds < date '{{ end }}' and "InvoiceNo" not like 'C%'
    group by ds, "InvoiceNo"
)

select
    ds,
    cast(order_id as varchar) as order_id,
    cast(customer_id as varchar) as customer_id,
    {{ utc('ordered_at') }} as ordered_at,
    cast('paid' as varchar) as order_status,
    cast('web' as varchar) as sales_channel,
    {{ country_code('country') }} as country_code,
    cast('GBP' as varchar) as currency_code,
    cast(null as varchar) as refusal,
    cast(null as varchar) as refused_text,
    cast(null as varchar) as refused_origin
from invoices
