{#- Else the file of an earlier day came again. -#}
{% from 'checks/interval.jinja' import in_interval with context %}
select
    ds,
    max(rate_date) as newest_rate_date
from raw.exchange_rates
where {{ in_interval('ds') }}
group by ds
having max(rate_date) < ds
