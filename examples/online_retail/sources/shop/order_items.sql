-- Lines have no number: they get one by their content, so that a row that is repeated in full is the same line again.
select
    ds,
    cast("InvoiceNo" as varchar) as order_id,
    cast(
        dense_rank() over (
            partition by ds, "InvoiceNo"
            order by
                "InvoiceDate", "StockCode", "Description" nulls last, "Quantity", "UnitPrice", "CustomerID" nulls last, "Country"
        ) as integer
    ) as line_number,
    cast("StockCode" as varchar) as product_id,
    cast("Quantity" as integer) as quantity,
    cast("UnitPrice" as decimal(18, 4)) as unit_price,
    cast(0 as decimal(18, 4)) as discount_amount,
    headline_refusal as refusal,
    headline_text as refused_text,
    headline_origin as refused_origin
from landing.retail_lines
where ds >= date '{{ start }}' and ds < date '{{ end }}' and "InvoiceNo" not like 'C%'
