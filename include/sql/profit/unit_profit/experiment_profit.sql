-- Users' totals before the interval, and what its days add to them; macros/exposed_sums.jinja makes the sums of them.
-- A user seen in two variants counts in neither. A refund counts on its order's day, after the window of 30 days not at all.
-- A sale whose cost is not known is in no sum of profit; coverage tells of it.
-- Engines compute a CTE as often as it is read, with all that it reads itself: `orders` is read twice, nothing after it again.
{% from 'macros/experiments.jinja' import is_sample_ratio_off with context %}
{% from 'macros/exposed_sums.jinja' import exposed_sums with context %}
{% set measures = ['order_count', 'unit_count', 'net_revenue', 'gross_profit', 'net_profit'] %}
with exposures as (
    select
        ds,
        experiment_id,
        variant,
        user_id,
        exposed_at,
        case when ds < date '{{ start }}' then cast(date '{{ start }}' - interval '1' day as date) else ds end as since,
        cast(date_trunc('month', ds) as date) as month,
        cast(ds - interval '28' day as date) as covariate_from,
        cast(date_trunc('month', ds - interval '28' day) as date) as covariate_month
    from core.exposures
    where ds < date '{{ end }}' and not is_contaminated
),

orders as (
    select
        entries.order_ds as ds,
        cast(date_trunc('month', entries.order_ds) as date) as month,
        entries.customer_id as user_id,
        entries.ordered_at,
        max(case when entries.entry = 'sale' then 1 else 0 end) as order_count,
        sum(case when entries.entry = 'sale' then entries.net_revenue else 0 end) as sale_net_revenue,
        sum(case when entries.entry = 'sale' then entries.quantity else 0 end) as unit_count,
        sum(entries.net_revenue) as net_revenue,
        sum(coalesce(entries.gross_profit, 0)) as gross_profit,
        sum(coalesce(entries.net_profit, 0)) as net_profit,
        max(case when refund_windows.order_ds is null then 1 else 0 end) as is_open
    from profit.unit_profit as entries
    left join profit.refund_windows as refund_windows on entries.order_ds = refund_windows.order_ds
    where
        entries.ds < cast(date '{{ end }}' + interval '29' day as date)
        and entries.order_ds < date '{{ end }}'
        and entries.is_attributed
        and entries.customer_id in (select exposures.user_id from exposures)
    group by entries.order_ds, entries.customer_id, entries.ordered_at, entries.order_id
),

-- The interval's orders one by one, and a user's months before it. Only in the month of an exposure, and in that in which its
-- covariate begins, are earlier orders looked at one by one: years of them are not read again for every experiment of their user.
orders_and_months as (
    select
        user_id,
        month,
        case when ds >= date '{{ start }}' then ds end as ds,
        case when ds >= date '{{ start }}' then ordered_at end as ordered_at,
        {% for measure in measures %}
        sum({{ measure }}) as {{ measure }},
        {% endfor %}
        max(is_open) as is_open
    from orders
    group by
        user_id,
        month,
        case when ds >= date '{{ start }}' then ds end,
        case when ds >= date '{{ start }}' then ordered_at end
),

exposures_by_month as (
    select
        experiment_id,
        variant,
        user_id,
        exposed_at,
        since,
        covariate_from,
        month
    from exposures
    union all
    select
        experiment_id,
        variant,
        user_id,
        exposed_at,
        since,
        covariate_from,
        covariate_month as month
    from exposures
    where exposures.covariate_month < exposures.month
),

-- The covariate is what a user bought in the four weeks before exposure, without refunds, since they may have come after.
parts as (
    select
        exposures.experiment_id,
        exposures.variant,
        exposures.user_id,
        coalesce(orders_and_months.ds, exposures.since) as ds,
        0 as covariate,
        {% for measure in measures %}
        orders_and_months.{{ measure }},
        {% endfor %}
        orders_and_months.is_open
    from exposures
    inner join orders_and_months on exposures.user_id = orders_and_months.user_id
    where
        exposures.exposed_at <= orders_and_months.ordered_at
        or (orders_and_months.ordered_at is null and exposures.month < orders_and_months.month)
    union all
    select
        exposures_by_month.experiment_id,
        exposures_by_month.variant,
        exposures_by_month.user_id,
        exposures_by_month.since as ds,
        case
            when orders.ordered_at < exposures_by_month.exposed_at and orders.ds >= exposures_by_month.covariate_from
                then orders.sale_net_revenue
            else 0
        end as covariate,
        {% for measure in measures %}
        case
            when orders.ordered_at >= exposures_by_month.exposed_at and orders.ds < date '{{ start }}'
                then orders.{{ measure }}
            else 0
        end as {{ measure }},
        {% endfor %}
        case
            when orders.ordered_at >= exposures_by_month.exposed_at and orders.ds < date '{{ start }}' then orders.is_open
            else 0
        end as is_open
    from exposures_by_month
    inner join orders on exposures_by_month.user_id = orders.user_id and exposures_by_month.month = orders.month
),

moves as (
    select
        experiment_id,
        variant,
        user_id,
        ds,
        cast(sum(covariate) as decimal(14, 4)) as covariate,
        {% for measure in measures %}
        cast(sum({{ measure }}) as decimal(14, 4)) as {{ measure }},
        {% endfor %}
        max(is_open) as is_open
    from parts
    group by experiment_id, variant, user_id, ds
),

{{ exposed_sums(
    measures,
    coverage_tables=['core.shop_coverage', 'core.finance_coverage', 'core.app_coverage'],
    shares={'buyer_count': 'order_count'},
) }}

select
    ds,
    experiment_id,
    variant,
    cast(exposed_users as bigint) as exposed_users,
    cast(contaminated_users as bigint) as contaminated_users,
    cast(buyer_count as bigint) as buyer_count,
    {% for measure in measures %}
    {% if 'count' in measure %}
    cast(round({{ measure }}_sum, 0) as bigint) as {{ measure }}_sum,
    {% else %}
    cast({{ measure }}_sum as decimal(18, 4)) as {{ measure }}_sum,
    {% endif %}
    cast({{ measure }}_sum_of_squares as decimal(38, 8)) as {{ measure }}_sum_of_squares,
    {% endfor %}
    cast(covariate_sum as decimal(18, 4)) as covariate_sum,
    cast(covariate_sum_of_squares as decimal(38, 8)) as covariate_sum_of_squares,
    {% for measure in ['buyer_count'] + measures %}
    cast({{ measure }}_covariate_product_sum as decimal(38, 8)) as {{ measure }}_covariate_product_sum,
    {% endfor %}
    {% for measure in measures %}
    {% for other in measures[loop.index:] %}
    cast({{ measure }}_{{ other }}_product_sum as decimal(38, 8)) as {{ measure }}_{{ other }}_product_sum,
    {% endfor %}
    {% endfor %}
    {{ is_sample_ratio_off() | indent }}
        as is_sample_ratio_off,
    coverage,
    is_partial > 0 as is_partial,
    is_open > 0 as is_provisional
from compared
