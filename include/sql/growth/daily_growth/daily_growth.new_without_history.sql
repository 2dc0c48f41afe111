{% from 'checks/interval.jinja' import in_interval with context %}
select growth.ds
from growth.daily_growth as growth
inner join (select min(ds) as first_ds from core.first_activity) as history on growth.ds = history.first_ds
where
    {{ in_interval('growth.ds') }}
    and (growth.retained_users > 0 or growth.new_users > growth.signed_up_users)
