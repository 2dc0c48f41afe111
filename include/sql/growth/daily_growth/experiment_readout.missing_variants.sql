{#- Of each experiment in its first 84 days all variants that have users, but the control. -#}
{% from 'checks/interval.jinja' import in_interval with context %}
select
    due.ds,
    due.experiment_id,
    count(*) as variant_count
from (
    select
        days.ds,
        variants.experiment_id,
        variants.variant
    from calendar.days as days
    inner join (
        select
            experiment_id,
            variant,
            min(ds) as first_ds
        from core.exposures
        group by experiment_id, variant
    ) as variants on days.ds >= variants.first_ds
    inner join (
        select
            experiment_id,
            min(ds) as first_ds
        from core.exposures
        group by experiment_id
    ) as experiments
        on
            variants.experiment_id = experiments.experiment_id
            and experiments.first_ds >= cast(days.ds - interval '83' day as date)
    where {{ in_interval('days.ds') }}
) as due
left join (
    select distinct
        ds,
        experiment_id,
        variant
    from {{ table }}
    where {{ in_interval('ds') }}
) as readout on due.ds = readout.ds and due.experiment_id = readout.experiment_id and due.variant = readout.variant
where readout.variant is null
group by due.ds, due.experiment_id
having count(*) > 1
