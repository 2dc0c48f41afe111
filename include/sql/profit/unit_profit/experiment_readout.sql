{% from 'macros/readout.jinja' import readout with context %}
with {{ readout(
    'profit.experiment_profit',
    shares=['buyer_count'],
    metrics={
        'net_profit_per_user': ('net_profit', none, none),
        'gross_profit_per_user': ('gross_profit', none, none),
        'net_revenue_per_user': ('net_revenue', none, none),
        'orders_per_user': ('order_count', none, none),
        'units_per_user': ('unit_count', none, none),
        'buyer_share': ('buyer_count', none, none),
        'net_profit_per_order': ('net_profit', 'order_count', 'order_count_net_profit_product_sum'),
        'net_revenue_per_order': ('net_revenue', 'order_count', 'order_count_net_revenue_product_sum'),
        'units_per_order': ('unit_count', 'order_count', 'order_count_unit_count_product_sum'),
        'net_profit_per_unit': ('net_profit', 'unit_count', 'unit_count_net_profit_product_sum'),
        'net_margin': ('net_profit', 'net_revenue', 'net_revenue_net_profit_product_sum'),
        'gross_margin': ('gross_profit', 'net_revenue', 'net_revenue_gross_profit_product_sum'),
    },
) }}
