{% from 'checks/interval.jinja' import in_interval with context %}
select
    firsts.ds,
    firsts.user_id
from {{ table }} as firsts
left join core.user_days as active on firsts.ds = active.ds and firsts.user_id = active.user_id
where {{ in_interval('firsts.ds') }} and active.user_id is null
