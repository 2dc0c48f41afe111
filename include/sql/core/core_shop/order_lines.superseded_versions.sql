{% from 'macros/identity.jinja' import superseded_but_there with context %}
{{ superseded_but_there('core.shop_superseded', 'order', 'order_id') }}
