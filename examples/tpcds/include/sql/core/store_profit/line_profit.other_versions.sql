{#-
Sales that do not name the version of their item which the history (SCD type 2) has in force. TPC-DS sells what was in force when
the year began: a version that begins in October is sold from January on, that of 1999 from the second of January.
-#}
{% from 'checks/interval.jinja' import in_interval with context %}
with sales as (
    select
        ds,
        ticket_number,
        item_number,
        product_id,
        case
            when ds = date '2000-01-01' then timestamp '1999-01-01 00:00:00'
            else cast(date_trunc('year', ds) as timestamp)
        end as year_began
    from {{ table }}
    where {{ in_interval('ds') }} and entry = 'sale'
)

select
    sales.ds,
    sales.ticket_number,
    sales.item_number,
    items.item_number as item_number_in_force
from sales
left join core.items as items
    on
        sales.product_id = items.product_id
        and sales.year_began >= items.valid_from
        and sales.year_began < items.valid_to
where coalesce(items.item_number, -1) <> sales.item_number
