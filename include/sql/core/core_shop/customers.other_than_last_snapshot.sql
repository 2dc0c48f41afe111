{% from 'macros/versions.jinja' import other_than_the_last_snapshot with context %}
{{ other_than_the_last_snapshot(
    'raw.customers', 'customer_id', ['signed_up_at', 'country_code'], 'core.customer_changes'
) }}
