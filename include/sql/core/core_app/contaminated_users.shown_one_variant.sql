select
    contaminated.experiment_id,
    contaminated.user_id
from {{ table }} as contaminated
left join core.assignments as assignments
    on contaminated.experiment_id = assignments.experiment_id and contaminated.user_id = assignments.user_id
group by contaminated.experiment_id, contaminated.user_id
having count(distinct assignments.variant) < 2
