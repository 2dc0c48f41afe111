{% from 'checks/reconciliation.jinja' import refused_money_not_told with context %}
{{ refused_money_not_told({'expenses': ('expense', 'amount')}) }}
