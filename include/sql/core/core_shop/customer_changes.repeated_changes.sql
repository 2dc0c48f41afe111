{% from 'checks/duplicates.jinja' import repeated with context %}
{% set counted = "customer_id is not null and coalesce(quarantine_reason, '') not like 'duplicate%'" %}
{{ repeated(by=['ds', 'customer_id'], where=counted) }}
