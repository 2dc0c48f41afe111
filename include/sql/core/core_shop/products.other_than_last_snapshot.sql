{% from 'macros/versions.jinja' import other_than_the_last_snapshot with context %}
{{ other_than_the_last_snapshot(
    'raw.products', 'product_id', ['product_name', 'category', 'unit_cost'], 'core.product_changes', carried=['unit_cost']
) }}
