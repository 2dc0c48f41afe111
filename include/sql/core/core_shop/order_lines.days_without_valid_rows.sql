{% from 'checks/completeness.jinja' import missing_periods with context %}
{% from 'macros/identity.jinja' import not_superseded with context %}
{{ missing_periods(expected=not_superseded('raw.order_items', 'core.shop_superseded', 'order', 'order_id')) }}
