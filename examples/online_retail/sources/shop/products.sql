-- Name and cost of a product are those of its first sale at a price; until then, of its first line, at no cost.
-- They hold from the beginning of that day. The data lack costs: goods are assumed to cost 60 % of their first price.
with lines as (
    select
        ds,
        "StockCode" as product_id,
        trim("Description") as product_name,
        upper(' ' || coalesce(trim("Description"), '') || ' ') as words,
        cast("UnitPrice" as decimal(18, 4)) as unit_price,
        case
            when "InvoiceNo" not like 'C%' and cast("Quantity" as integer) > 0 and cast("UnitPrice" as decimal(18, 4)) > 0 then 1
            else 0
        end as is_priced,
        "InvoiceDate" as invoiced_at,
        "InvoiceNo" as invoice
    from landing.retail_lines
    where ds < date '{{ end }}'
),

appearances as (
    select
        ds,
        product_id,
        product_name,
        words,
        unit_price,
        is_priced,
        row_number() over (
            partition by product_id, is_priced
            order by invoiced_at, invoice, product_name nulls last, unit_price
        ) as appearance
    from lines
),

descriptions as (
    select
        ds,
        lead(ds) over (partition by product_id order by is_priced) as replaced_on,
        product_id,
        product_name,
        case
            when product_id in ('POST', 'DOT', 'C2') then 'postage'
            when product_id in ('M', 'm', 'D', 'S', 'B', 'BANK CHARGES', 'AMAZONFEE', 'CRUK') then 'adjustments'
            when product_id like 'gift%' then 'vouchers'
            when words like '% CHRISTMAS%' or words like '% XMAS%' or words like '% ADVENT %' then 'christmas'
            when words like '% BAG %' or words like '% BAGS %' then 'bags'
            when
                words like '%T-LIGHT%' or words like '% LIGHTS %' or words like '% NIGHT LIGHT%'
                or words like '% CANDLE%' or words like '% LANTERN%' or words like '% LAMP%'
                then 'lights'
            when
                words like '% PAPER%' or words like '% CARD%' or words like '% WRAP%' or words like '% STICKER%'
                or words like '% NOTEBOOK%' or words like '% PENCIL%' or words like '% PARTY%' or words like '% BUNTING%'
                then 'paper and party'
            when
                words like '% MUG%' or words like '% CUP %' or words like '% CUPS %' or words like '% TEACUP%'
                or words like '% TEA %' or words like '% COFFEE%' or words like '% PLATE%' or words like '% BOWL%'
                or words like '% GLASS %' or words like '% JAR%' or words like '% JAM %' or words like '% CAKE%'
                or words like '% BAKING%' or words like '% LUNCH%' or words like '% CUTLERY%' or words like '% NAPKIN%'
                or words like '% KITCHEN%'
                then 'kitchen'
            else 'other gifts'
        end as category,
        is_priced,
        unit_price
    from appearances
    where appearance = 1
)

select
    days.ds,
    cast(descriptions.product_id as varchar) as product_id,
    cast(descriptions.product_name as varchar) as product_name,
    cast(descriptions.category as varchar) as category,
    cast(
        case
            when descriptions.is_priced = 1 and descriptions.category not in ('postage', 'adjustments', 'vouchers')
                then round(descriptions.unit_price * 0.6, 4)
            else 0
        end as decimal(18, 4)
    ) as unit_cost,
    cast(descriptions.ds as timestamp) as updated_at,
    cast(null as varchar) as refusal,
    cast(null as varchar) as refused_text,
    cast(null as varchar) as refused_origin
from calendar.days as days
inner join descriptions
    on days.ds >= descriptions.ds and (days.ds < descriptions.replaced_on or descriptions.replaced_on is null)
where days.ds >= date '{{ start }}' and days.ds < date '{{ end }}'
