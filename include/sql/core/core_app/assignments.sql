-- The file of a day may hold a business day before or after it; one that lies further off is refused.
{% from 'macros/assignments.jinja' import judged_assignments with context %}
{% from 'checks/interval.jinja' import in_interval with context %}
with judged as (
    {{ judged_assignments(days_around=1) | indent }}
)

select
    exposed_on as ds,
    experiment_id,
    user_id,
    variant,
    min(exposed_at) as exposed_at
from judged
where quarantine_reason is null and {{ in_interval('exposed_on') }}
group by exposed_on, experiment_id, user_id, variant
