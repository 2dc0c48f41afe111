{#-
Sales that do not name the version of their item which the history (SCD type 2) has in force. TPC-DS sells what was in force when
the year began: a version that begins in October is sold from January on.
-#}
{% from 'checks/interval.jinja' import in_interval with context %}
select
    lines.ds,
    lines.ticket_number,
    lines.item_number,
    items.item_number as item_number_in_force
from {{ table }} as lines
left join core.items as items
    on
        lines.product_id = items.product_id
        and cast(date_trunc('year', lines.ds) as timestamp) >= items.valid_from
        and cast(date_trunc('year', lines.ds) as timestamp) < items.valid_to
where {{ in_interval('lines.ds') }} and lines.entry = 'sale' and coalesce(items.item_number, -1) <> lines.item_number
