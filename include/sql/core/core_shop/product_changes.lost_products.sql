{% from 'macros/versions.jinja' import not_there_by_changes with context %}
{{ not_there_by_changes('raw.products', 'product_id') }}
