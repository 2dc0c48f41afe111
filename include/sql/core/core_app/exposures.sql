-- A user belongs to the variant that he was shown first.
{% from 'macros/assignments.jinja' import judged_assignments with context %}
{% from 'checks/interval.jinja' import in_interval with context %}
with judged as (
    {{ judged_assignments() | indent }}
),

-- A row that says what another one says has lost nothing: it came again with a later file, or a newer file tells its moment anew.
refused as (
    select
        judged.ds,
        judged.experiment_id,
        judged.user_id,
        judged.variant,
        judged.exposed_at,
        case
            when judged.quarantine_reason = 'file_of_another_day' and kept.user_id is not null then 'duplicate_assignment'
            when judged.quarantine_reason is not null then judged.quarantine_reason
            when judged.exposed_on <= judged.ds and kept.user_id is null then 'duplicate_assignment'
        end as quarantine_reason
    from judged
    left join core.assignments as kept
        on
            judged.exposed_on = kept.ds
            and judged.experiment_id = kept.experiment_id
            and judged.user_id = kept.user_id
            and judged.variant = kept.variant
),

shown as (
    select
        ds,
        experiment_id,
        user_id,
        variant,
        exposed_at,
        row_number() over (partition by experiment_id, user_id order by exposed_at, variant) as occurrence
    from core.assignments
    where {{ in_interval('ds') }}
)

select
    shown.ds,
    shown.experiment_id,
    shown.user_id,
    shown.variant,
    shown.exposed_at,
    contaminated.user_id is not null as is_contaminated,
    cast(null as varchar) as quarantine_reason
from shown
left join core.contaminated_users as contaminated
    on
        shown.experiment_id = contaminated.experiment_id
        and shown.user_id = contaminated.user_id
        and shown.exposed_at = contaminated.valid_from
where
    shown.occurrence = 1
    and not exists (
        select 1 as is_shown
        from core.assignments as earlier
        where
            earlier.experiment_id = shown.experiment_id
            and earlier.user_id = shown.user_id
            and earlier.ds < date '{{ start }}'
    )
union all
select
    ds,
    experiment_id,
    user_id,
    variant,
    exposed_at,
    cast(null as boolean) as is_contaminated,
    quarantine_reason
from refused
where quarantine_reason is not null
