{% from 'checks/interval.jinja' import in_interval with context %}
select
    figures.ds,
    figures.experiment_id,
    count(*) as variant_count
from profit.experiment_profit as figures
left join (
    select distinct
        ds,
        experiment_id,
        variant
    from {{ table }}
    where {{ in_interval('ds') }}
) as readout
    on figures.ds = readout.ds and figures.experiment_id = readout.experiment_id and figures.variant = readout.variant
where {{ in_interval('figures.ds') }} and readout.variant is null
group by figures.ds, figures.experiment_id
-- All but the control.
having count(*) > 1
