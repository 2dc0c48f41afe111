{#- What needs its rate is refused as missing_exchange_rate; no other waits for it. -#}
{% from 'checks/interval.jinja' import in_interval with context %}
with arrived as (
    select distinct
        ds,
        currency_code
    from raw.exchange_rates
    where {{ in_interval('ds', 7) }}
)

select
    days.ds,
    earlier.currency_code,
    max(earlier.ds) as last_ds
from (
    select distinct ds from arrived
    where {{ in_interval('ds') }}
) as days
inner join arrived as earlier
    on earlier.ds < days.ds and earlier.ds >= cast(days.ds - interval '7' day as date)
left join arrived as present on days.ds = present.ds and earlier.currency_code = present.currency_code
where earlier.currency_code is not null and present.currency_code is null
group by days.ds, earlier.currency_code
