{% from 'checks/interval.jinja' import in_interval with context %}
select
    active.ds,
    active.user_id
from core.user_days as active
left join {{ table }} as firsts on active.user_id = firsts.user_id and active.ds >= firsts.ds
where {{ in_interval('active.ds') }} and firsts.user_id is null
