-- Apart from shop_resends, so that a record that is sent again makes no day stale but the one whose version it replaces.
{% from 'macros/identity.jinja' import superseded with context %}
{{ superseded('core.shop_resends') }}
