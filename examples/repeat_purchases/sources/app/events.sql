-- A purchase is an event of its customer. It has no number: it gets one by its content, and those of a customer at the same
-- moment are counted.
with purchases as (
    select
        ds,
        cast(id as varchar) as customer,
        cast(date as timestamp) as purchased_at,
        row_number() over (partition by ds, id, date, headline_refusal order by ds) as occurrence,
        headline_refusal,
        headline_text,
        headline_origin
    from landing.purchases
    where ds >= date '{{ start }}' and ds < date '{{ end }}'
)

select
    ds,
    case
        when headline_refusal is null
            then concat(customer, '-', cast(ds as varchar), '-', cast(occurrence as varchar))
    end as event_id,
    customer as user_id,
    cast(null as varchar) as session_id,
    cast('purchase' as varchar) as event_type,
    purchased_at as occurred_at,
    cast(null as varchar) as platform,
    headline_refusal as refusal,
    headline_text as refused_text,
    headline_origin as refused_origin
from purchases
