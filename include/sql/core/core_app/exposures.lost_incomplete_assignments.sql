{% from 'checks/reconciliation.jinja' import differences with context %}
{% set incomplete = 'experiment_id is null or user_id is null or variant is null or exposed_at is null' %}
{{ differences(sides=[
    ('raw.experiment_assignments', {'where': incomplete}),
    ('quarantine.exposures', {'where': incomplete}),
]) }}
