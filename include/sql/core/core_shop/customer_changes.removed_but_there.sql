{% from 'macros/versions.jinja' import removed_but_there with context %}
{{ removed_but_there('raw.customers', 'customer_id') }}
