-- Personal data (email) stays in raw.
{% from 'macros/versions.jinja' import versions %}
with rows_in_order as (
    select
        ds,
        customer_id,
        signed_up_at,
        country_code,
        updated_at,
        row_number() over (
            partition by ds, customer_id
            order by updated_at desc nulls last, signed_up_at nulls last, country_code nulls last
        ) as occurrence
    from raw.customers
),

snapshots as (
    select
        ds,
        customer_id,
        signed_up_at,
        country_code,
        updated_at,
        occurrence,
        case
            when customer_id is null then 'missing_customer_id'
            when occurrence > 1 then 'duplicate_customer'
            when updated_at is null then 'missing_updated_at'
        end as quarantine_reason
    from rows_in_order
),

{{ versions(key='customer_id', attributes=['signed_up_at', 'country_code']) }}

select
    customer_id,
    signed_up_at,
    country_code,
    valid_from,
    valid_to,
    is_current,
    cast(null as varchar) as quarantine_reason
from versions
union all
select distinct
    customer_id,
    signed_up_at,
    country_code,
    updated_at as valid_from,
    cast(null as timestamp) as valid_to,
    false as is_current,
    quarantine_reason
from snapshots
where quarantine_reason is not null
