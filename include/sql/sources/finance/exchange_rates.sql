-- Everything arrives as text. An empty text means: not given.
select
    ds,
    cast(nullif(trim(rate_date), '') as date) as rate_date,
    nullif(trim(currency_code), '') as currency_code,
    cast(nullif(trim(rate_to_reporting), '') as decimal(18, 8)) as rate_to_reporting,
    headline_refusal as refusal,
    headline_text as refused_text,
    headline_origin as refused_origin
from landing.exchange_rates
where ds >= date '{{ start }}' and ds < date '{{ end }}'
