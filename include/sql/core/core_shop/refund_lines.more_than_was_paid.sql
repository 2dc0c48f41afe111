{#-
Refunds of the interval by which more of an order line, or of an order, had been given back than was paid for it: by one refund alone or
together with those before. A cent each is allowed, since shops round. Such a refund counts: the money is gone, be it by mistake or for
the shipping. Whoever granted it can say.
-#}
{% from 'checks/interval.jinja' import in_interval with context %}
with refunded as (
    select
        ds,
        refund_id,
        order_ds,
        order_id,
        coalesce(line_number, 0) as line_number,
        amount_in_order_currency,
        sum(amount_in_order_currency - 0.01) over (
            partition by order_ds, order_id, coalesce(line_number, 0)
            order by ds, refund_id
        ) as refunded_so_far
    from {{ table }}
    where
        order_id in (
            select order_id
            from {{ table }}
            where {{ in_interval('ds') }}
        )
)

select
    refunded.ds,
    refunded.refund_id,
    refunded.order_id,
    refunded.line_number,
    refunded.amount_in_order_currency,
    cast(lines.quantity * lines.unit_price_in_order_currency as decimal(19, 4)) - lines.discount_amount_in_order_currency as paid
from refunded
left join core.order_lines as lines
    on
        refunded.order_ds = lines.ds
        and refunded.order_id = lines.order_id
        and refunded.line_number = lines.line_number
where
    {{ in_interval('refunded.ds') }}
    and refunded.refunded_so_far > coalesce(
        cast(lines.quantity * lines.unit_price_in_order_currency as decimal(19, 4)) - lines.discount_amount_in_order_currency, 0
    )
