{#-
Amounts that are not the row's own at the day's rate, rounded to the 4th digit: from 0.00005 below them to less than 0.00005 above.
Comparing says the same as rounding anew, which takes the engine five times as long. A row whose rate is not there, or whose amount
is not known, is among them.
-#}
{% from 'checks/interval.jinja' import in_interval with context %}
{% set gross = 'cast(lines.quantity * lines.unit_price_in_order_currency as decimal(19, 4)) * rates.rate_to_reporting' %}
{% set discount = 'cast(lines.discount_amount_in_order_currency as decimal(19, 4)) * rates.rate_to_reporting' %}
select
    lines.ds,
    lines.order_id,
    lines.line_number,
    lines.currency_code,
    lines.gross_revenue,
    lines.discount_amount
from {{ table }} as lines
left join core.exchange_rates as rates on lines.ds = rates.ds and lines.currency_code = rates.currency_code
where
    {{ in_interval('lines.ds') }}
    and case
        when
            lines.gross_revenue - 0.00005 <= {{ gross }}
            and lines.gross_revenue + 0.00005 > {{ gross }}
            and lines.discount_amount - 0.00005 <= {{ discount }}
            and lines.discount_amount + 0.00005 > {{ discount }}
            then 0
        else 1
    end = 1
