{% from 'checks/reconciliation.jinja' import differences with context %}
{{ differences(
    by=['ds', 'refund_id', 'order_id', 'line_number'],
    measures=['row_count', 'refund_amount', 'net_revenue'],
    sides=[(table, {'where': "entry = 'refund'"}), ('core.refund_lines', {'net_revenue': '0 - refund_amount'})],
) }}
