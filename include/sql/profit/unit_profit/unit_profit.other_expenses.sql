{% from 'checks/reconciliation.jinja' import differences with context %}
{% set by_type = {
    'marketing_expense': "case when expense_type = 'marketing' then amount end",
    'operational_expense': "case when expense_type = 'operational' then amount end",
    'labor_expense': "case when expense_type = 'labor' then amount end",
} %}
{{ differences(
    by=['ds', 'order_id', 'line_number'],
    measures=['marketing_expense', 'operational_expense', 'labor_expense'],
    sides=[table, ('profit.expense_allocation', dict(by_type, where='order_id is not null'))],
) }}
