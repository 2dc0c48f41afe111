{% from 'checks/duplicates.jinja' import repeated with context %}
{% set counted = "product_id is not null and coalesce(quarantine_reason, '') not like 'duplicate%'" %}
{{ repeated(by=['ds', 'product_id'], where=counted) }}
