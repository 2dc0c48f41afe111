-- A customer signed up with the first invoice, and lives where the latest one went. Guests have no number and are no customers.
{% from 'macros/country_code.jinja' import country_code %}
{% from 'macros/utc.jinja' import utc with context %}
with invoices as (
    select
        ds,
        cast("CustomerID" as bigint) as customer_id,
        "InvoiceNo" as invoice,
        max("Country") as country,
        min(cast("InvoiceDate" as timestamp)) as invoiced_at
    from landing.retail_lines
    where ds < date '{{ end }}' and "CustomerID" is not null
    group by ds, cast("CustomerID" as bigint), "InvoiceNo"
),

in_order as (
    select
        ds,
        customer_id,
        invoice,
        country,
        invoiced_at,
        lag(country) over (partition by customer_id order by invoiced_at, invoice) as country_before,
        min(invoiced_at) over (partition by customer_id) as signed_up_at
    from invoices
),

moves as (
    select
        ds,
        customer_id,
        country,
        invoiced_at,
        signed_up_at,
        lead(ds) over (partition by customer_id order by invoiced_at, invoice) as replaced_on
    from in_order
    where country_before is null or country <> country_before
)

select
    days.ds,
    cast(moves.customer_id as varchar) as customer_id,
    {{ utc('moves.signed_up_at') }} as signed_up_at,
    {{ country_code('moves.country') }} as country_code,
    cast(null as varchar) as email,
    {{ utc('moves.invoiced_at') }} as updated_at,
    cast(null as varchar) as refusal,
    cast(null as varchar) as refused_text,
    cast(null as varchar) as refused_origin
from calendar.days as days
inner join moves on days.ds >= moves.ds and (days.ds < moves.replaced_on or moves.replaced_on is null)
where days.ds >= date '{{ start }}' and days.ds < date '{{ end }}'
