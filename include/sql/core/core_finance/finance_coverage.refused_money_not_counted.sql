{% from 'checks/reconciliation.jinja' import refused_money_not_counted with context %}
{{ refused_money_not_counted({'expenses': ('expense', 'amount')}) }}
