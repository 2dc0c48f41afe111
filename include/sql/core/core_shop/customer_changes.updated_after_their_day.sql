{% from 'macros/versions.jinja' import updated_after_their_day with context %}
{{ updated_after_their_day('customer_id') }}
