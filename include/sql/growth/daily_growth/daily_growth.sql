-- A state is the user's own, by all of his days. The rows of a variant count the states of the users exposed to it by that day;
-- a user seen in two variants counts in neither. Experiment `all` counts everybody.
{% from 'macros/growth.jinja' import states with context %}
{% from 'macros/coverage.jinja' import covered_days with context %}
with {{ states(period='ds', first_day='ds', length="'1' day") }},

exposures as (
    select
        experiment_id,
        variant,
        user_id,
        ds as exposed_on
    from core.exposures
    where not is_contaminated and ds < date '{{ end }}'
),

variants as (
    select
        experiment_id,
        variant,
        min(exposed_on) as first_exposed_on
    from exposures
    group by experiment_id, variant
    union all
    select
        'all' as experiment_id,
        'all' as variant,
        first_ds as first_exposed_on
    from history
),

{{ covered_days(['core.app_coverage'], before="'1' day") }},

-- A state compares two days: each of them makes it partial.
compared_days as (
    select
        covered_days.ds,
        covered_days.coverage,
        covered_days.is_partial or day_before.is_partial as is_partial
    from covered_days
    inner join covered_days as day_before on day_before.ds = cast(covered_days.ds - interval '1' day as date)
),

segments as (
    select
        compared_days.ds,
        compared_days.coverage,
        compared_days.is_partial,
        variants.experiment_id,
        variants.variant
    from compared_days
    inner join variants on compared_days.ds >= variants.first_exposed_on
),

exposed as (
    select
        segments.ds,
        segments.experiment_id,
        segments.variant,
        count(*) as exposed_users
    from segments
    inner join exposures
        on
            segments.experiment_id = exposures.experiment_id
            and segments.variant = exposures.variant
            and segments.ds >= exposures.exposed_on
    group by segments.ds, segments.experiment_id, segments.variant
),

movements as (
    select
        ds,
        user_id,
        state
    from states
    union all
    select
        ds,
        user_id,
        'signed up' as state
    from sign_ups
),

segmented as (
    select
        ds,
        'all' as experiment_id,
        'all' as variant,
        state
    from movements
    union all
    select
        movements.ds,
        exposures.experiment_id,
        exposures.variant,
        movements.state
    from movements
    inner join exposures on movements.user_id = exposures.user_id and movements.ds >= exposures.exposed_on
),

counts as (
    select
        ds,
        experiment_id,
        variant,
        count(case when state in ('new', 'retained', 'resurrected', 'unknown') then 1 end) as active_users,
        count(case when state = 'new' then 1 end) as new_users,
        count(case when state = 'retained' then 1 end) as retained_users,
        count(case when state = 'resurrected' then 1 end) as resurrected_users,
        count(case when state = 'churned' then 1 end) as churned_users,
        count(case when state = 'unknown' then 1 end) as unknown_users,
        count(case when state = 'signed up' then 1 end) as signed_up_users
    from segmented
    group by ds, experiment_id, variant
)

select
    segments.ds,
    segments.experiment_id,
    segments.variant,
    cast(exposed.exposed_users as bigint) as exposed_users,
    cast(coalesce(counts.active_users, 0) as bigint) as active_users,
    cast(coalesce(counts.new_users, 0) as bigint) as new_users,
    cast(coalesce(counts.retained_users, 0) as bigint) as retained_users,
    cast(coalesce(counts.resurrected_users, 0) as bigint) as resurrected_users,
    cast(coalesce(counts.churned_users, 0) as bigint) as churned_users,
    cast(coalesce(counts.unknown_users, 0) as bigint) as unknown_users,
    cast(coalesce(counts.signed_up_users, 0) as bigint) as signed_up_users,
    segments.coverage,
    segments.is_partial
from segments
left join exposed
    on segments.ds = exposed.ds and segments.experiment_id = exposed.experiment_id and segments.variant = exposed.variant
left join counts
    on segments.ds = counts.ds and segments.experiment_id = counts.experiment_id and segments.variant = counts.variant
