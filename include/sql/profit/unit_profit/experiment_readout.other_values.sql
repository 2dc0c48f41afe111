{#- Both sides of the comparison, reckoned without the readout's formulas: a value × its users is a sum. -#}
{% from 'checks/interval.jinja' import in_interval with context %}
select
    readout.ds,
    readout.experiment_id,
    readout.variant,
    readout.metric_name,
    readout.metric_value,
    figures.net_profit_sum,
    figures.exposed_users
from {{ table }} as readout
left join profit.experiment_profit as figures
    on
        readout.ds = figures.ds
        and readout.experiment_id = figures.experiment_id
        and readout.variant = figures.variant
        and {{ in_interval('figures.ds') }}
left join profit.experiment_profit as controls
    on
        readout.ds = controls.ds
        and readout.experiment_id = controls.experiment_id
        and readout.control_variant = controls.variant
        and {{ in_interval('controls.ds') }}
where
    {{ in_interval('readout.ds') }}
    and readout.metric_name = 'net_profit_per_user'
    and (
        figures.ds is null
        or readout.exposed_users <> figures.exposed_users
        or readout.control_users <> coalesce(controls.exposed_users, 0)
        or abs(readout.metric_value * figures.exposed_users - figures.net_profit_sum) > 0.000001 * (figures.exposed_users + 1)
        or abs(readout.control_value * controls.exposed_users - controls.net_profit_sum) > 0.000001 * (controls.exposed_users + 1)
    )
