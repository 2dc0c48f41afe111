{% from 'checks/reconciliation.jinja' import differences with context %}
{% set uncosted = 'case when not has_unit_cost then gross_revenue else 0 end' %}
{% set lines = {'accepted_revenue': 'gross_revenue', 'uncosted_revenue': uncosted, 'accepted_refund_amount': '0'} %}
{% set refunds = {'accepted_revenue': '0', 'uncosted_revenue': '0', 'accepted_refund_amount': 'refund_amount'} %}
{% set accepted = {'accepted_count': '1', 'refused_count': '0'} %}
{% set refused = {
    'accepted_count': '0', 'refused_count': '1',
    'accepted_revenue': '0', 'uncosted_revenue': '0', 'accepted_refund_amount': '0',
} %}
{{
    differences([
        (table, {'refused_count': 'refused_count + repeated_count'}),
        ('core.order_lines', dict(accepted, **lines)),
        ('quarantine.order_lines', refused),
        ('core.refund_lines', dict(accepted, **refunds)),
        ('quarantine.refund_lines', refused),
    ], measures=[
        'accepted_count', 'refused_count', 'accepted_revenue', 'uncosted_revenue', 'accepted_refund_amount',
    ], by=['ds'])
}}
