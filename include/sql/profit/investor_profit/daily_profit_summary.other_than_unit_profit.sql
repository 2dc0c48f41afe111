{#- Expenses that found no order line are in no unit. -#}
{% from 'checks/reconciliation.jinja' import differences with context %}
{% set expenses %}
case when category <> 'unallocated' then marketing_expense + operational_expense + labor_expense end
{% endset %}
{{ differences(
    measures=['gross_revenue', 'discount_amount', 'refund_amount', 'cost_of_goods', 'gross_profit', 'expenses'],
    sides=[(table, {'expenses': expenses}), ('profit.unit_profit', {'expenses': expenses})],
) }}
