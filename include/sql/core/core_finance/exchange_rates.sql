{% from 'macros/identity.jinja' import IDENTITY_DAYS with context %}
{% from 'macros/rates.jinja' import is_usable %}
-- Markets close at weekends: rates stay in force until the next ones come, but for 7 days at most. One that cannot be used,
-- is told twice and differs, or is not among the next ones ends there: what needs it has no rate on that day. Of a rate, told by
-- its currency and date, the version of the newest file counts from the day on which it was told first.
with days as (
    select days.ds
    from calendar.days as days
    where days.ds >= date '{{ start }}' and days.ds < date '{{ end }}'
),

-- By file, currency and date; those too which tell a rate of these days anew.
told as (
    select
        ds,
        currency_code,
        rate_date,
        min(case when {{ is_usable() }} then 1 else 0 end) as is_usable,
        case
            when
                min(case when {{ is_usable() }} then 1 else 0 end) = 1
                and min(rate_to_reporting) = max(rate_to_reporting)
                then min(rate_to_reporting)
        end as rate_to_reporting
    from raw.exchange_rates
    where
        ds >= cast(date '{{ start }}' - interval '7' day as date)
        and ds < cast(date '{{ end }}' + interval '{{ IDENTITY_DAYS }}' day as date)
        and currency_code <> '{{ reporting_currency }}'
    group by ds, currency_code, rate_date
),

-- What a file says of a currency is its newest rate.
newest_of_file as (
    select
        ds,
        currency_code,
        max(rate_date) as rate_date,
        min(is_usable) as is_usable
    from told
    where ds < date '{{ end }}'
    group by ds, currency_code
),

versions as (
    select
        first_told.ds,
        first_told.currency_code,
        first_told.rate_date,
        anew.rate_to_reporting,
        row_number() over (partition by first_told.ds, first_told.currency_code order by anew.ds desc nulls last) as position
    from newest_of_file as first_told
    left join told as anew
        on
            first_told.currency_code = anew.currency_code
            and first_told.rate_date = anew.rate_date
            and anew.rate_to_reporting is not null
            and (anew.ds > first_told.ds or (anew.ds = first_told.ds and first_told.is_usable = 1))
            and anew.ds <= cast(first_told.ds + interval '{{ IDENTITY_DAYS }}' day as date)
),

arrived as (
    select
        ds,
        currency_code,
        rate_date,
        rate_to_reporting
    from versions
    where position = 1
),

-- The days on which there were rates, whatever their currency.
rate_days as (
    select
        ds,
        lead(ds) over (order by ds) as replaced_on
    from (
        select distinct ds
        from arrived
    ) as days_of_rates
)

select
    days.ds,
    arrived.currency_code,
    arrived.rate_date,
    arrived.rate_to_reporting
from days
inner join rate_days
    on
        days.ds >= rate_days.ds
        and (days.ds < rate_days.replaced_on or rate_days.replaced_on is null)
inner join arrived
    on
        rate_days.ds = arrived.ds
        and days.ds <= cast(arrived.rate_date + interval '7' day as date)
where arrived.rate_to_reporting is not null
union all
select
    days.ds,
    '{{ reporting_currency }}' as currency_code,
    days.ds as rate_date,
    cast(1 as decimal(18, 8)) as rate_to_reporting
from days
