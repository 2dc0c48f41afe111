select
    date '{{ start }}' as month,
    category,
    sales_channel,
    country_code,
    cast(sum(case when entry = 'sale' then quantity else 0 end) as bigint) as unit_count,
    cast(sum(net_revenue) as decimal(18, 2)) as net_revenue
from profit.unit_profit
where
    ds >= date '{{ start }}' and ds < date '{{ end }}'
    -- A refund without an order has neither channel nor country.
    and sales_channel is not null and country_code is not null
group by category, sales_channel, country_code
