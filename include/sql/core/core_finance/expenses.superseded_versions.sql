{% from 'macros/identity.jinja' import superseded_but_there with context %}
{{ superseded_but_there('core.finance_superseded', 'expense', 'expense_id') }}
