-- Sums over users are running sums over days of what each user moves them by: where his total goes from `before` to `after`, the
-- sum of squares goes up by after² - before². So no user's days are multiplied by the days that follow.
-- A user seen in two variants counts in neither. A refund counts on its order's day, after the window of 30 days not at all.
{% from 'macros/coverage.jinja' import covered_days with context %}
{% from 'macros/ratio.jinja' import ratio %}
{% set measures = ['unit_count', 'net_revenue', 'gross_profit', 'net_profit'] %}
{% set sums = ['exposed_users', 'contaminated_users', 'buyer_count', 'covariate_sum', 'covariate_sum_of_squares'] %}
{% for measure in measures %}
{% set _ = sums.extend([measure ~ '_sum', measure ~ '_sum_of_squares', measure ~ '_covariate_product_sum']) %}
{% endfor %}
with entries as (
    select
        ds,
        customer_id as user_id,
        ordered_at,
        case when entry = 'sale' then 1 else 0 end as is_sale,
        case when entry = 'sale' then quantity else 0 end as unit_count,
        net_revenue,
        gross_profit,
        net_profit,
        case when is_provisional then 1 else 0 end as is_open
    from profit.unit_profit
    where ds < date '{{ end }}' and is_attributed and customer_id is not null
),

-- The covariate: what the user bought in the four weeks before. Refunds of it are left out, since they may have come after.
exposed as (
    select
        exposures.ds,
        exposures.experiment_id,
        exposures.variant,
        exposures.user_id,
        exposures.exposed_at,
        cast(coalesce(sum(entries.net_revenue), 0) as decimal(14, 4)) as covariate
    from core.exposures as exposures
    left join entries
        on
            exposures.user_id = entries.user_id
            and entries.is_sale = 1
            and entries.ds >= cast(exposures.ds - interval '28' day as date)
            and entries.ordered_at < exposures.exposed_at
    where exposures.ds < date '{{ end }}' and not exposures.is_contaminated
    group by exposures.ds, exposures.experiment_id, exposures.variant, exposures.user_id, exposures.exposed_at
),

outcomes as (
    select
        exposed.experiment_id,
        exposed.variant,
        exposed.user_id,
        exposed.covariate,
        entries.ds,
        {% for measure in measures %}
        cast(sum(entries.{{ measure }}) as decimal(14, 4)) as {{ measure }},
        {% endfor %}
        max(entries.is_sale) as is_sale,
        max(entries.is_open) as is_open
    from exposed
    inner join entries on exposed.user_id = entries.user_id and exposed.exposed_at <= entries.ordered_at
    group by exposed.experiment_id, exposed.variant, exposed.user_id, exposed.covariate, entries.ds
),

totals as (
    select
        experiment_id,
        variant,
        covariate,
        ds,
        {% for measure in measures %}
        {{ measure }},
        cast(
            sum({{ measure }}) over (partition by experiment_id, user_id order by ds) as decimal(14, 4)
        ) as {{ measure }}_after,
        {% endfor %}
        is_sale,
        sum(is_sale) over (partition by experiment_id, user_id order by ds) as sale_days,
        is_open
    from outcomes
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
        covariate * covariate as covariate_sum_of_squares,
        {% for measure in measures %}
        0 as {{ measure }}_sum,
        0 as {{ measure }}_sum_of_squares,
        0 as {{ measure }}_covariate_product_sum,
        {% endfor %}
        0 as is_open
    from exposed
    union all
    select
        ds,
        experiment_id,
        variant,
        0 as exposed_users,
        0 as contaminated_users,
        case when is_sale = 1 and sale_days = 1 then 1 else 0 end as buyer_count,
        0 as covariate_sum,
        0 as covariate_sum_of_squares,
        {% for measure in measures %}
        {{ measure }} as {{ measure }}_sum,
        {{ measure }}_after * {{ measure }}_after
        - ({{ measure }}_after - {{ measure }}) * ({{ measure }}_after - {{ measure }}) as {{ measure }}_sum_of_squares,
        {{ measure }} * covariate as {{ measure }}_covariate_product_sum,
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
