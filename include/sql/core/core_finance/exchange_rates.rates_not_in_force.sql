{% from 'checks/interval.jinja' import in_interval with context %}
{% from 'macros/identity.jinja' import IDENTITY_DAYS with context %}
{% from 'macros/rates.jinja' import is_usable %}
select
    arrived.ds,
    arrived.currency_code,
    min(arrived.rate_to_reporting) as rate_that_arrived,
    min(rates.rate_to_reporting) as rate_in_force
from raw.exchange_rates as arrived
left join core.exchange_rates as rates
    on arrived.ds = rates.ds and arrived.currency_code = rates.currency_code
where
    {{ in_interval('arrived.ds') }}
    and arrived.ds <= cast(arrived.rate_date + interval '7' day as date)
    and arrived.currency_code <> '{{ reporting_currency }}'
    and not exists (
        select 1 as is_told
        from raw.exchange_rates as newer
        where
            newer.currency_code = arrived.currency_code
            and newer.rate_date = arrived.rate_date
            and newer.ds > arrived.ds
            and newer.ds <= cast(arrived.ds + interval '{{ IDENTITY_DAYS }}' day as date)
    )
group by arrived.ds, arrived.currency_code
having
    min(case when {{ is_usable('arrived') }} then 1 else 0 end) = 1
    and min(arrived.rate_to_reporting) = max(arrived.rate_to_reporting)
    and coalesce(min(rates.rate_to_reporting), 0) <> min(arrived.rate_to_reporting)
