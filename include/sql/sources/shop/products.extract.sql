-- sqlfluff:dialect:postgres
-- One full snapshot for each day of the interval, as the shop knew it when the day ended in the reporting zone.
with

days as (
    select cast(day_start as date) as ds
    from generate_series(timestamp '{{ start }}', timestamp '{{ end }}' - interval '1 day', interval '1 day') as day_start
)

select
    days.ds,
    known.product_id,
    known.product_name,
    known.category,
    known.unit_cost,
    known.updated_at
from days
cross join products_as_of(cast(days.ds + 1 as timestamp) at time zone '{{ reporting_zone }}' at time zone 'UTC') as known
order by days.ds, known.product_id
