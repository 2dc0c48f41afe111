{% from 'macros/versions.jinja' import removed_but_there with context %}
{{ removed_but_there('raw.products', 'product_id') }}
