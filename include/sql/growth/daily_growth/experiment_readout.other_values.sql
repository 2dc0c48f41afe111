{#- A value × its users is the number of active days, counted here user by user from the start of the experiment on. -#}
{% from 'checks/interval.jinja' import in_interval with context %}
select
    readout.ds,
    readout.experiment_id,
    readout.variant,
    max(readout.metric_value) as metric_value,
    max(readout.exposed_users) as exposed_users,
    count(active.user_id) as active_day_count
from (
    select
        ds,
        experiment_id,
        variant,
        metric_value,
        exposed_users
    from {{ table }}
    where {{ in_interval('ds') }} and metric_name = 'active_days_per_user'
    union all
    select
        ds,
        experiment_id,
        control_variant as variant,
        control_value as metric_value,
        control_users as exposed_users
    from {{ table }}
    where {{ in_interval('ds') }} and metric_name = 'active_days_per_user'
) as readout
left join core.exposures as exposures
    on
        readout.experiment_id = exposures.experiment_id
        and readout.variant = exposures.variant
        and readout.ds >= exposures.ds
        and not exposures.is_contaminated
left join core.user_days as active
    on
        exposures.user_id = active.user_id
        and active.ds > exposures.ds
        and readout.ds >= active.ds
        and active.ds >= cast(date '{{ start }}' - interval '83' day as date)
        and active.ds < date '{{ end }}'
group by readout.ds, readout.experiment_id, readout.variant
having
    abs(max(readout.metric_value) * max(readout.exposed_users) - count(active.user_id))
    > 0.000001 * (max(readout.exposed_users) + 1)
