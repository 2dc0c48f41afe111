-- A user belongs to the variant that he was shown first. Who is shown another one while the experiment may still run, 56 days, is
-- contaminated: he tells nothing about either.
{% from 'macros/business_day.jinja' import business_day with context %}
with assignments as (
    select
        ds,
        experiment_id,
        user_id,
        variant,
        exposed_at,
        {{ business_day('exposed_at') }} as exposed_on
    from raw.experiment_assignments
    where ds < cast(date '{{ end }}' + interval '57' day as date)
),

judged as (
    select
        ds,
        experiment_id,
        user_id,
        variant,
        exposed_at,
        exposed_on,
        case
            when experiment_id is null then 'missing_experiment_id'
            when user_id is null then 'missing_user_id'
            when variant is null then 'missing_variant'
            when exposed_at is null then 'missing_exposed_at'
            when abs(date_diff('day', exposed_on, ds)) > 1 then 'file_of_another_day'
        end as quarantine_reason
    from assignments
),

valid as (
    select
        experiment_id,
        user_id,
        variant,
        exposed_at,
        exposed_on,
        row_number() over (partition by experiment_id, user_id order by exposed_at, variant) as occurrence
    from judged
    where quarantine_reason is null
),

first_exposures as (
    select
        exposed_on as ds,
        experiment_id,
        user_id,
        variant,
        exposed_at
    from valid
    where occurrence = 1 and exposed_on >= date '{{ start }}' and exposed_on < date '{{ end }}'
),

contaminated as (
    select distinct
        first_exposures.experiment_id,
        first_exposures.user_id
    from first_exposures
    inner join valid
        on
            first_exposures.experiment_id = valid.experiment_id
            and first_exposures.user_id = valid.user_id
            and first_exposures.variant <> valid.variant
            and valid.exposed_on <= cast(first_exposures.ds + interval '56' day as date)
)

select
    first_exposures.ds,
    first_exposures.experiment_id,
    first_exposures.user_id,
    first_exposures.variant,
    first_exposures.exposed_at,
    contaminated.user_id is not null as is_contaminated,
    cast(null as varchar) as quarantine_reason
from first_exposures
left join contaminated
    on first_exposures.experiment_id = contaminated.experiment_id and first_exposures.user_id = contaminated.user_id
union all
select
    ds,
    experiment_id,
    user_id,
    variant,
    exposed_at,
    cast(null as boolean) as is_contaminated,
    quarantine_reason
from judged
where quarantine_reason is not null and ds >= date '{{ start }}' and ds < date '{{ end }}'
