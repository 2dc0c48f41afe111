{% from 'macros/identity.jinja' import on_two_days, resends with context %}
with expenses_on_two_days as (
    {{ on_two_days('raw.expenses', 'expense_id') | indent }}
)

{{ resends('expense', 'expenses_on_two_days') }}
