select
    ds,
    cast(sr_ticket_number as bigint) as ticket_number,
    cast(sr_item_sk as bigint) as item_number,
    cast(sr_return_quantity as integer) as quantity,
    cast(sr_return_tax as decimal(18, 4)) as tax_amount,
    cast(sr_fee as decimal(18, 4)) as fee_amount,
    cast(sr_return_ship_cost as decimal(18, 4)) as shipping_cost,
    cast(sr_net_loss as decimal(18, 4)) as stated_loss_amount,
    headline_refusal as refusal,
    headline_text as refused_text,
    headline_origin as refused_origin
from landing.store_returns
where ds >= date '{{ start }}' and ds < date '{{ end }}'
