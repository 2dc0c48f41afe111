-- Whoever asks whether a user was ever here before reads one row of him instead of all of his days.
{% from 'checks/interval.jinja' import in_interval with context %}
with active as (
    select
        min(ds) as ds,
        user_id
    from core.user_days
    where {{ in_interval('ds') }}
    group by user_id
)

select
    active.ds,
    active.user_id
from active
where
    not exists (
        select 1 as is_active
        from core.user_days as earlier
        where earlier.user_id = active.user_id and earlier.ds < date '{{ start }}'
    )
