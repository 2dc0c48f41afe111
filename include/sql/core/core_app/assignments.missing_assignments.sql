{% from 'macros/assignments.jinja' import judged_assignments with context %}
{% from 'checks/interval.jinja' import in_interval with context %}
select
    arrived.exposed_on as ds,
    arrived.experiment_id,
    arrived.user_id,
    arrived.variant
from (
    {{ judged_assignments(days_around=1) | indent(4) }}
) as arrived
left join {{ table }} as assignments
    on
        arrived.exposed_on = assignments.ds
        and arrived.experiment_id = assignments.experiment_id
        and arrived.user_id = assignments.user_id
        and arrived.variant = assignments.variant
        and arrived.exposed_at >= assignments.exposed_at
where
    {{ in_interval('arrived.exposed_on') }}
    and arrived.quarantine_reason is null
    and assignments.user_id is null
