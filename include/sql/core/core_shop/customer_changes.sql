-- Personal data (email) stays in raw.
{% from 'macros/versions.jinja' import changes, snapshot_days with context %}
with {{ snapshot_days('raw.customers') }},

rows_in_order as (
    select
        customers.ds,
        snapshot_days.next_ds,
        customers.customer_id,
        customers.signed_up_at,
        customers.country_code,
        customers.updated_at,
        customers.refusal,
        row_number() over (
            partition by customers.ds, customers.customer_id
            order by
                customers.refusal nulls first, customers.updated_at desc nulls last,
                customers.signed_up_at nulls last, customers.country_code nulls last
        ) as occurrence
    from raw.customers as customers
    inner join snapshot_days on customers.ds = snapshot_days.ds
),

snapshots as (
    select
        ds,
        next_ds,
        customer_id,
        signed_up_at,
        country_code,
        updated_at,
        case
            when refusal is not null then refusal
            when customer_id is null then 'missing_customer_id'
            when occurrence > 1 then 'duplicate_customer'
            when updated_at is null then 'missing_updated_at'
        end as quarantine_reason
    from rows_in_order
)

{{ changes(key='customer_id', attributes=['signed_up_at', 'country_code']) }}
