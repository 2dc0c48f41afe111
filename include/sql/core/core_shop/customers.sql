{% from 'macros/versions.jinja' import versions with context %}
with {{ versions(key='customer_id', attributes=['signed_up_at', 'country_code'], history='core.customer_changes') }}

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
from core.customer_changes
where quarantine_reason is not null
