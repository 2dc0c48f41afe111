{#- What needs one that cannot be used is refused as missing_exchange_rate; no other waits for it. -#}
{% from 'checks/interval.jinja' import in_interval with context %}
{% from 'macros/rates.jinja' import is_usable %}
select
    ds,
    currency_code,
    rate_date,
    rate_to_reporting
from raw.exchange_rates
where {{ in_interval('ds') }} and case when {{ is_usable() }} then 0 else 1 end = 1
