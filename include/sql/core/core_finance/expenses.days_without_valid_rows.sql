{% from 'checks/completeness.jinja' import missing_periods with context %}
{% from 'macros/identity.jinja' import not_superseded with context %}
{{ missing_periods(expected=not_superseded('raw.expenses', 'core.finance_superseded', 'expense', 'expense_id')) }}
