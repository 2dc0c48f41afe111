{#- Lines whose net profit is another than TPC-DS states, to the last digit, or of which it says nothing at all. -#}
{% from 'checks/interval.jinja' import in_interval with context %}
select
    lines.ds,
    lines.ticket_number,
    lines.item_number,
    lines.entry,
    lines.net_profit,
    stated.net_profit as stated_net_profit
from {{ table }} as lines
left join (
    select
        ds,
        ticket_number,
        item_number,
        'sale' as entry,
        stated_net_profit as net_profit
    from raw.store_sales
    where {{ in_interval('ds') }}
    union all
    select
        ds,
        ticket_number,
        item_number,
        'return' as entry,
        -stated_loss_amount as net_profit
    from raw.store_returns
    where {{ in_interval('ds') }}
) as stated
    on
        lines.ds = stated.ds
        and lines.ticket_number = stated.ticket_number
        and lines.item_number = stated.item_number
        and lines.entry = stated.entry
where {{ in_interval('lines.ds') }} and (stated.ticket_number is null or lines.net_profit <> stated.net_profit)
