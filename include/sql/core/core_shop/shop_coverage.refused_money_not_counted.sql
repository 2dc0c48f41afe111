{% from 'checks/reconciliation.jinja' import refused_money_not_counted with context %}
{{ refused_money_not_counted({
    'order_lines': ('revenue', 'gross_revenue'),
    'refund_lines': ('refund_amount', 'refund_amount'),
}) }}
