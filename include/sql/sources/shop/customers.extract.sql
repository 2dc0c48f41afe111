-- sqlfluff:dialect:postgres
-- One full snapshot for each day of the interval, as the shop knew it when the day ended in the reporting zone.
with

days as (
    select cast(day_start as date) as ds
    from generate_series(timestamp '{{ start }}', timestamp '{{ end }}' - interval '1 day', interval '1 day') as day_start
)

select
    days.ds,
    known.customer_id,
    known.signed_up_at,
    known.country_code,
    known.email,
    known.updated_at
from days
cross join customers_as_of(cast(days.ds + 1 as timestamp) at time zone '{{ reporting_zone }}' at time zone 'UTC') as known
order by days.ds, known.customer_id
