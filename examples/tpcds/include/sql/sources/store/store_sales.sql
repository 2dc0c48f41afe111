select
    ds,
    cast(ss_ticket_number as bigint) as ticket_number,
    cast(ss_item_sk as bigint) as item_number,
    cast(ss_quantity as integer) as quantity,
    cast(ss_list_price as decimal(18, 4)) as list_price,
    cast(ss_sales_price as decimal(18, 4)) as sales_price,
    cast(ss_coupon_amt as decimal(18, 4)) as coupon_amount,
    cast(ss_wholesale_cost as decimal(18, 4)) as wholesale_cost,
    cast(ss_net_profit as decimal(18, 4)) as stated_net_profit,
    headline_refusal as refusal,
    headline_text as refused_text,
    headline_origin as refused_origin
from landing.store_sales
where ds >= date '{{ start }}' and ds < date '{{ end }}'
