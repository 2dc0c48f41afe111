-- Sums over users begin with where each user stands before the interval. Then they are running sums over days of what each user
-- moves them by: where a total goes from `before` to `after`, the sum of squares goes up by after² - before².
-- A user seen in two variants counts in neither. A refund counts on its order's day, after the window of 30 days not at all.
-- A sale whose cost is not known is in no sum of profit; coverage tells of it.
{% from 'macros/coverage.jinja' import covered_days with context %}
{% from 'macros/ratio.jinja' import ratio %}
{% set measures = ['unit_count', 'net_revenue', 'gross_profit', 'net_profit'] %}
{% set counted = ['sale_count'] + measures %}
{% set sums = ['exposed_users', 'contaminated_users', 'buyer_count', 'covariate_sum', 'covariate_sum_of_squares'] %}
{% for measure in measures %}
{% set _ = sums.extend([measure ~ '_sum', measure ~ '_sum_of_squares', measure ~ '_covariate_product_sum']) %}
{% endfor %}
with exposures as (
    select
        ds,
        experiment_id,
        variant,
        user_id,
        exposed_at,
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
        sum(case when entries.entry = 'sale' then 1 else 0 end) as sale_count,
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
    group by entries.order_ds, entries.customer_id, entries.ordered_at
),

-- A user's months before the interval. Only in the month of an exposure, and in that in which its covariate begins, orders are
-- looked at one by one, so that years of them are not read again for every experiment that their user is in.
months as (
    select
        user_id,
        month,
        {% for measure in counted %}
        sum({{ measure }}) as {{ measure }},
        {% endfor %}
        max(case when is_open = 1 then ordered_at end) as last_open_at
    from orders
    where ds < date '{{ start }}'
    group by user_id, month
),

until_start as (
    select
        user_id,
        {% for measure in counted %}
        sum({{ measure }}) as {{ measure }},
        {% endfor %}
        max(last_open_at) as last_open_at
    from months
    group by user_id
),

parts_before_exposure as (
    select
        exposures.experiment_id,
        exposures.user_id,
        {% for measure in counted %}
        case when orders.ds < date '{{ start }}' then orders.{{ measure }} else 0 end as {{ measure }},
        {% endfor %}
        case when orders.ds >= exposures.covariate_from then orders.sale_net_revenue else 0 end as covariate
    from exposures
    inner join orders
        on
            exposures.user_id = orders.user_id
            and exposures.month = orders.month
            and exposures.exposed_at > orders.ordered_at
    union all
    select
        exposures.experiment_id,
        exposures.user_id,
        {% for measure in counted %}
        0 as {{ measure }},
        {% endfor %}
        orders.sale_net_revenue as covariate
    from exposures
    inner join orders
        on
            exposures.user_id = orders.user_id
            and exposures.covariate_month = orders.month
            and exposures.covariate_month < exposures.month
            and exposures.covariate_from <= orders.ds
    union all
    select
        exposures.experiment_id,
        exposures.user_id,
        {% for measure in counted %}
        months.{{ measure }},
        {% endfor %}
        0 as covariate
    from exposures
    inner join months on exposures.user_id = months.user_id and exposures.month > months.month
),

before_exposure as (
    select
        user_id,
        experiment_id,
        {% for measure in counted %}
        sum({{ measure }}) as {{ measure }},
        {% endfor %}
        sum(covariate) as covariate
    from parts_before_exposure
    group by user_id, experiment_id
),

-- Where each exposed user stands when the interval begins. The covariate is what they bought in the four weeks before exposure;
-- refunds of it are left out, since they may have come after.
exposed as (
    select
        exposures.ds,
        exposures.experiment_id,
        exposures.variant,
        exposures.user_id,
        exposures.exposed_at,
        cast(coalesce(before_exposure.covariate, 0) as decimal(14, 4)) as covariate,
        {% for measure in counted %}
        cast(
            coalesce(until_start.{{ measure }}, 0) - coalesce(before_exposure.{{ measure }}, 0) as decimal(14, 4)
        ) as {{ measure }},
        {% endfor %}
        case when until_start.last_open_at >= exposures.exposed_at then 1 else 0 end as is_open
    from exposures
    left join before_exposure
        on exposures.user_id = before_exposure.user_id and exposures.experiment_id = before_exposure.experiment_id
    left join until_start on exposures.user_id = until_start.user_id
),

outcomes as (
    select
        exposed.experiment_id,
        exposed.variant,
        exposed.user_id,
        orders.ds,
        {% for measure in counted %}
        cast(sum(orders.{{ measure }}) as decimal(14, 4)) as {{ measure }},
        {% endfor %}
        max(orders.is_open) as is_open
    from exposed
    inner join orders on exposed.user_id = orders.user_id and exposed.exposed_at <= orders.ordered_at
    where orders.ds >= date '{{ start }}'
    group by exposed.experiment_id, exposed.variant, exposed.user_id, orders.ds
),

totals as (
    select
        outcomes.experiment_id,
        outcomes.variant,
        exposed.covariate,
        outcomes.ds,
        {% for measure in counted %}
        outcomes.{{ measure }},
        cast(
            exposed.{{ measure }}
            + sum(outcomes.{{ measure }}) over (partition by outcomes.experiment_id, outcomes.user_id order by outcomes.ds)
            as decimal(14, 4)
        ) as {{ measure }}_after,
        {% endfor %}
        outcomes.is_open
    from outcomes
    inner join exposed on outcomes.experiment_id = exposed.experiment_id and outcomes.user_id = exposed.user_id
),

movements as (
    select
        ds,
        experiment_id,
        variant,
        case when is_contaminated then 0 else 1 end as exposed_users,
        case when is_contaminated then 1 else 0 end as contaminated_users,
        0 as buyer_count,
        0 as covariate_sum,
        0 as covariate_sum_of_squares,
        {% for measure in measures %}
        0 as {{ measure }}_sum,
        0 as {{ measure }}_sum_of_squares,
        0 as {{ measure }}_covariate_product_sum,
        {% endfor %}
        0 as is_open
    from core.exposures
    where ds < date '{{ end }}'
    union all
    select
        ds,
        experiment_id,
        variant,
        0 as exposed_users,
        0 as contaminated_users,
        0 as buyer_count,
        covariate as covariate_sum,
        cast(covariate as decimal(19, 4)) * covariate as covariate_sum_of_squares,
        {% for measure in measures %}
        0 as {{ measure }}_sum,
        0 as {{ measure }}_sum_of_squares,
        0 as {{ measure }}_covariate_product_sum,
        {% endfor %}
        0 as is_open
    from exposed
    union all
    select
        cast(date '{{ start }}' - interval '1' day as date) as ds,
        experiment_id,
        variant,
        0 as exposed_users,
        0 as contaminated_users,
        case when sale_count > 0 then 1 else 0 end as buyer_count,
        0 as covariate_sum,
        0 as covariate_sum_of_squares,
        {% for measure in measures %}
        {{ measure }} as {{ measure }}_sum,
        cast({{ measure }} as decimal(19, 4)) * {{ measure }} as {{ measure }}_sum_of_squares,
        cast({{ measure }} as decimal(19, 4)) * covariate as {{ measure }}_covariate_product_sum,
        {% endfor %}
        is_open
    from exposed
    where exposed.ds < date '{{ start }}'
    union all
    select
        ds,
        experiment_id,
        variant,
        0 as exposed_users,
        0 as contaminated_users,
        case when sale_count_after > 0 and sale_count_after = sale_count then 1 else 0 end as buyer_count,
        0 as covariate_sum,
        0 as covariate_sum_of_squares,
        {% for measure in measures %}
        {{ measure }} as {{ measure }}_sum,
        cast({{ measure }}_after as decimal(19, 4)) * {{ measure }}_after
        - cast({{ measure }}_after - {{ measure }} as decimal(19, 4)) * ({{ measure }}_after - {{ measure }})
            as {{ measure }}_sum_of_squares,
        cast({{ measure }} as decimal(19, 4)) * covariate as {{ measure }}_covariate_product_sum,
        {% endfor %}
        is_open
    from totals
),

variants as (
    select
        experiment_id,
        variant,
        min(ds) as first_ds
    from core.exposures
    where ds < date '{{ end }}'
    group by experiment_id, variant
),

{{ covered_days(['core.shop_coverage', 'core.finance_coverage', 'core.app_coverage'], before='all') }},

by_day as (
    select
        covered_days.ds,
        variants.experiment_id,
        variants.variant,
        covered_days.coverage,
        case when covered_days.is_partial then 1 else 0 end as is_partial,
        {% for sum in sums %}
        coalesce(sum(movements.{{ sum }}), 0) as {{ sum }},
        {% endfor %}
        coalesce(max(movements.is_open), 0) as is_open
    from variants
    inner join covered_days on variants.first_ds <= covered_days.ds
    left join movements
        on
            covered_days.ds = movements.ds
            and variants.experiment_id = movements.experiment_id
            and variants.variant = movements.variant
    group by covered_days.ds, variants.experiment_id, variants.variant, covered_days.coverage, covered_days.is_partial
),

so_far as (
    select
        ds,
        experiment_id,
        variant,
        {% for sum in sums %}
        sum({{ sum }}) over (partition by experiment_id, variant order by ds) as {{ sum }},
        {% endfor %}
        sum(coverage) over (partition by experiment_id, variant order by ds) as covered_day_count,
        count(*) over (partition by experiment_id, variant order by ds) as day_count,
        max(is_partial) over (partition by experiment_id, variant order by ds) as is_partial,
        max(is_open) over (partition by experiment_id, variant order by ds) as is_open
    from by_day
),

compared as (
    select
        ds,
        experiment_id,
        variant,
        {% for sum in sums %}
        {{ sum }},
        {% endfor %}
        {{ ratio('covered_day_count', 'day_count') }} as coverage,
        is_partial,
        is_open,
        count(*) over (partition by ds, experiment_id) as variant_count,
        sum(exposed_users) over (partition by ds, experiment_id) as all_exposed_users
    from so_far
    where ds >= date '{{ start }}'
),

-- Could the variants come from an even split? chi² × the users × the variants, in whole numbers.
split as (
    select
        ds,
        experiment_id,
        sum(
            (variant_count * exposed_users - all_exposed_users) * (variant_count * exposed_users - all_exposed_users)
        ) as imbalance
    from compared
    group by ds, experiment_id
)

select
    compared.ds,
    compared.experiment_id,
    compared.variant,
    cast(compared.exposed_users as bigint) as exposed_users,
    cast(compared.contaminated_users as bigint) as contaminated_users,
    cast(compared.buyer_count as bigint) as buyer_count,
    {% for measure in measures %}
    cast(compared.{{ measure }}_sum as {{ 'bigint' if measure == 'unit_count' else 'decimal(18, 4)' }}) as {{ measure }}_sum,
    cast(compared.{{ measure }}_sum_of_squares as decimal(38, 8)) as {{ measure }}_sum_of_squares,
    {% endfor %}
    cast(compared.covariate_sum as decimal(18, 4)) as covariate_sum,
    cast(compared.covariate_sum_of_squares as decimal(38, 8)) as covariate_sum_of_squares,
    {% for measure in measures %}
    cast(compared.{{ measure }}_covariate_product_sum as decimal(38, 8)) as {{ measure }}_covariate_product_sum,
    {% endfor %}
    split.imbalance
    > compared.variant_count * compared.all_exposed_users
    -- chi² that chance exceeds once in a thousand times, with one degree of freedom less than variants
    * case compared.variant_count when 2 then 10.828 when 3 then 13.816 when 4 then 16.266 when 5 then 18.467 else 20.515 end
        as is_sample_ratio_off,
    compared.coverage,
    compared.is_partial > 0 as is_partial,
    compared.is_open > 0 as is_provisional
from compared
inner join split on compared.ds = split.ds and compared.experiment_id = split.experiment_id
