-- Whoever is shown another variant while the experiment may still run, 56 days, tells nothing about either.
-- Apart from core.exposures, so that a new day of assignments makes only those of its days stale on which a user is flagged now.
with several as (
    select
        experiment_id,
        user_id
    from core.assignments
    group by experiment_id, user_id
    having min(variant) <> max(variant)
),

shown as (
    select
        assignments.ds,
        assignments.experiment_id,
        assignments.user_id,
        assignments.variant,
        assignments.exposed_at,
        row_number() over (
            partition by assignments.experiment_id, assignments.user_id order by assignments.exposed_at, assignments.variant
        ) as occurrence
    from core.assignments as assignments
    inner join several
        on assignments.experiment_id = several.experiment_id and assignments.user_id = several.user_id
)

select
    firsts.experiment_id,
    firsts.user_id,
    firsts.exposed_at as valid_from,
    firsts.exposed_at + interval '1' second as valid_to
from shown as firsts
where
    firsts.occurrence = 1
    and exists (
        select 1 as is_shown
        from shown as others
        where
            others.experiment_id = firsts.experiment_id
            and others.user_id = firsts.user_id
            and others.variant <> firsts.variant
            and others.ds <= cast(firsts.ds + interval '56' day as date)
    )
