-- What each user does after the day of exposure, in the first 84 days of an experiment: a day reads 112 days of activity.
-- The covariate is a user's active days in the 28 days before exposure. macros/exposed_sums.jinja makes the sums.
{% from 'macros/experiments.jinja' import is_sample_ratio_off with context %}
{% from 'macros/exposed_sums.jinja' import exposed_sums with context %}
{% from 'macros/readout.jinja' import readout with context %}
{% set measures = ['active_day_count', 'session_count'] %}
with experiments as (
    select
        experiment_id,
        min(ds) as first_ds
    from core.exposures
    group by experiment_id
),

exposures as (
    select
        exposures.ds,
        exposures.experiment_id,
        exposures.variant,
        exposures.user_id,
        exposures.is_contaminated,
        case
            when exposures.ds < date '{{ start }}' then cast(date '{{ start }}' - interval '1' day as date) else exposures.ds
        end as since
    from core.exposures as exposures
    inner join experiments on exposures.experiment_id = experiments.experiment_id
    where exposures.ds < date '{{ end }}' and experiments.first_ds >= cast(date '{{ start }}' - interval '83' day as date)
),

parts as (
    select
        exposures.experiment_id,
        exposures.variant,
        exposures.user_id,
        case when active.ds < exposures.since then exposures.since else active.ds end as ds,
        case when active.ds < exposures.ds then 1 else 0 end as covariate,
        case when active.ds > exposures.ds then 1 else 0 end as active_day_count,
        case when active.ds > exposures.ds then active.session_count else 0 end as session_count
    from exposures
    inner join core.user_days as active on exposures.user_id = active.user_id
    where
        not exposures.is_contaminated
        and active.ds >= cast(exposures.ds - interval '28' day as date)
        and active.ds >= cast(date '{{ start }}' - interval '111' day as date)
        and active.ds < date '{{ end }}'
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
        0 as is_open
    from parts
    group by experiment_id, variant, user_id, ds
),

{{ exposed_sums(
    measures,
    coverage_tables=['core.app_coverage'],
    shares={'returned_count': 'active_day_count'},
    exposures='exposures',
    before="'84' day",
) }},

sums as (
    select
        ds,
        experiment_id,
        variant,
        exposed_users,
        contaminated_users,
        returned_count,
        returned_count_covariate_product_sum,
        covariate_sum,
        covariate_sum_of_squares,
        {% for measure in measures %}
        {{ measure }}_sum,
        {{ measure }}_sum_of_squares,
        {{ measure }}_covariate_product_sum,
        {% endfor %}
        active_day_count_session_count_product_sum,
        {{ is_sample_ratio_off() | indent(8) }}
            as is_sample_ratio_off,
        coverage,
        is_partial > 0 as is_partial,
        false as is_provisional
    from compared
    where
        exists (
            select 1 as is_young
            from experiments
            where
                experiments.experiment_id = compared.experiment_id
                and experiments.first_ds >= cast(compared.ds - interval '83' day as date)
        )
),

{{ readout(
    'sums',
    shares=['returned_count'],
    metrics={
        'active_days_per_user': ('active_day_count', none, none),
        'returned_share': ('returned_count', none, none),
        'sessions_per_user': ('session_count', none, none),
        'sessions_per_active_day': ('session_count', 'active_day_count', 'active_day_count_session_count_product_sum'),
    },
) }}
