{#-
Sales that are not one for one the order lines, each with the differences of its money. core.order_lines has a line once, so that a
sale that stands here twice, equal to its line, makes its day differ in rows.
-#}
{% from 'checks/interval.jinja' import in_interval with context %}
{% from 'checks/reconciliation.jinja' import differences with context %}
{% set measures = ['gross_revenue', 'discount_amount', 'net_revenue'] %}
select
    coalesce(sales.ds, lines.ds) as ds,
    coalesce(sales.order_id, lines.order_id) as order_id,
    coalesce(sales.line_number, lines.line_number) as line_number,
    {% for measure in measures %}
    coalesce(sales.{{ measure }}, 0) - coalesce(lines.{{ measure }}, 0) as {{ measure }}_difference,
    {% endfor %}
    case when lines.ds is null then 1 when sales.ds is null then -1 else 0 end as row_count_difference
from (
    select
        ds,
        order_id,
        line_number,
        gross_revenue,
        discount_amount,
        net_revenue
    from {{ table }}
    where {{ in_interval('ds') }} and entry = 'sale'
) as sales
full outer join (
    select
        ds,
        order_id,
        line_number,
        gross_revenue,
        discount_amount,
        gross_revenue - discount_amount as net_revenue
    from core.order_lines
    where {{ in_interval('ds') }}
) as lines
    on sales.ds = lines.ds and sales.order_id = lines.order_id and sales.line_number = lines.line_number
where
    case
        when
            sales.gross_revenue = lines.gross_revenue
            and sales.discount_amount = lines.discount_amount
            and sales.net_revenue = lines.net_revenue
            then 0
        else 1
    end = 1
union all
select
    days.ds,
    cast(null as varchar) as order_id,
    cast(null as integer) as line_number,
    {% for measure in measures %}
    cast(null as decimal(18, 4)) as {{ measure }}_difference,
    {% endfor %}
    days.row_count_difference
from (
    {{ differences(by=['ds'], sides=[(table, {'where': "entry = 'sale'"}), 'core.order_lines']) | indent }}
) as days
