{% from 'macros/rates.jinja' import is_usable %}
-- Markets close at weekends: a rate stays in force until the next one comes, but for 7 days at most. One that cannot be used, or
-- is told twice and differs, ends the one before it: what needs it has no rate on that day.
with days as (
    select days.ds
    from calendar.days as days
    where days.ds >= date '{{ start }}' and days.ds < date '{{ end }}'
),

arrived as (
    select
        ds,
        currency_code,
        max(rate_date) as rate_date,
        case
            when
                min(case when {{ is_usable() }} then 1 else 0 end) = 1
                and min(rate_to_reporting) = max(rate_to_reporting)
                then min(rate_to_reporting)
        end as rate_to_reporting
    from raw.exchange_rates
    where
        ds >= cast(date '{{ start }}' - interval '7' day as date)
        and ds < date '{{ end }}'
        and currency_code <> '{{ reporting_currency }}'
    group by ds, currency_code
),

published_rates as (
    select
        ds,
        rate_date,
        currency_code,
        rate_to_reporting,
        lead(ds) over (partition by currency_code order by ds) as replaced_on
    from arrived
)

select
    days.ds,
    published_rates.currency_code,
    published_rates.rate_date,
    published_rates.rate_to_reporting
from days
inner join published_rates
    on
        days.ds >= published_rates.ds
        and (days.ds < published_rates.replaced_on or published_rates.replaced_on is null)
        and days.ds <= cast(published_rates.rate_date + interval '7' day as date)
where published_rates.rate_to_reporting is not null
union all
select
    days.ds,
    '{{ reporting_currency }}' as currency_code,
    days.ds as rate_date,
    cast(1 as decimal(18, 8)) as rate_to_reporting
from days
