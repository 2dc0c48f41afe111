-- What TPC-DS states of net profit and loss is carried along for comparison; nothing is computed from it.
with entries as (
    select
        ds,
        ticket_number,
        item_number,
        'sale' as entry,
        quantity,
        quantity * list_price as gross_revenue,
        quantity * (list_price - sales_price) + coupon_amount as discount_amount,
        quantity * wholesale_cost as cost_of_goods,
        cast(0 as decimal(18, 4)) as return_cost,
        stated_net_profit,
        case
            when refusal is not null then refusal
            when quantity is null then 'missing_quantity'
            when list_price is null then 'missing_list_price'
            when sales_price is null then 'missing_sales_price'
            when coupon_amount is null then 'missing_coupon_amount'
            when wholesale_cost is null then 'missing_wholesale_cost'
        end as quarantine_reason
    from raw.store_sales
    where ds >= date '{{ start }}' and ds < date '{{ end }}'
    union all
    select
        ds,
        ticket_number,
        item_number,
        'return' as entry,
        quantity,
        cast(0 as decimal(18, 4)) as gross_revenue,
        cast(0 as decimal(18, 4)) as discount_amount,
        cast(0 as decimal(18, 4)) as cost_of_goods,
        -- As TPC-DS has it: the refund is not among it, and the tax is.
        tax_amount + fee_amount + shipping_cost as return_cost,
        -stated_loss_amount as stated_net_profit,
        case
            when refusal is not null then refusal
            when quantity is null then 'missing_quantity'
            when tax_amount is null then 'missing_tax_amount'
            when fee_amount is null then 'missing_fee_amount'
            when shipping_cost is null then 'missing_shipping_cost'
        end as quarantine_reason
    from raw.store_returns
    where ds >= date '{{ start }}' and ds < date '{{ end }}'
)

select
    entries.ds,
    entries.ticket_number,
    entries.item_number,
    entries.entry,
    items.product_id,
    items.category,
    entries.quantity,
    cast(entries.gross_revenue as decimal(18, 4)) as gross_revenue,
    cast(entries.discount_amount as decimal(18, 4)) as discount_amount,
    cast(entries.cost_of_goods as decimal(18, 4)) as cost_of_goods,
    cast(entries.return_cost as decimal(18, 4)) as return_cost,
    cast(
        entries.gross_revenue - entries.discount_amount - entries.cost_of_goods - entries.return_cost as decimal(18, 4)
    ) as net_profit,
    cast(entries.stated_net_profit as decimal(18, 4)) as stated_net_profit,
    case
        when entries.quarantine_reason is not null then entries.quarantine_reason
        when items.item_number is null then 'unknown_item'
    end as quarantine_reason
from entries
left join core.items as items on entries.item_number = items.item_number
