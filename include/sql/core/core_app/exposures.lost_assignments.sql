{% from 'checks/interval.jinja' import in_interval with context %}
{% from 'macros/business_day.jinja' import business_day with context %}
select
    arrived.ds,
    arrived.experiment_id,
    arrived.user_id
from (
    select
        ds,
        experiment_id,
        user_id,
        exposed_at,
        {{ business_day('exposed_at') }} as exposed_on
    from raw.experiment_assignments
    where
        {{ in_interval('ds') }}
        and experiment_id is not null and user_id is not null and variant is not null and exposed_at is not null
) as arrived
left join core.exposures as exposures
    on
        arrived.experiment_id = exposures.experiment_id
        and arrived.user_id = exposures.user_id
        and arrived.exposed_on >= exposures.ds
left join quarantine.exposures as refused
    on
        arrived.ds = refused.ds
        and arrived.experiment_id = refused.experiment_id
        and arrived.user_id = refused.user_id
        and arrived.exposed_at = refused.exposed_at
where
    {{ in_interval('arrived.exposed_on') }}
    and exposures.user_id is null and refused.user_id is null
