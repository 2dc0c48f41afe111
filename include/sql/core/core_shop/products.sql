{% from 'macros/versions.jinja' import versions with context %}
with {{ versions(
    key='product_id', attributes=['product_name', 'category', 'unit_cost'], history='core.product_changes', carried=['unit_cost']
) }}

select
    product_id,
    product_name,
    category,
    unit_cost,
    valid_from,
    valid_to,
    is_current,
    cast(null as varchar) as quarantine_reason
from versions
union all
select distinct
    product_id,
    product_name,
    category,
    unit_cost,
    updated_at as valid_from,
    cast(null as timestamp) as valid_to,
    false as is_current,
    quarantine_reason
from core.product_changes
where quarantine_reason is not null
