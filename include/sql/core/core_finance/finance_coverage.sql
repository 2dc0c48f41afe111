-- What follows from money and rows stands in the macro, for all core pipelines alike. What is worth 0 is so in any currency.
{% from 'macros/coverage.jinja' import coverage_of with context %}
{{ coverage_of(
    ['expenses'],
    money={'expenses': ('expense', 'case when amount_in_expense_currency = 0 then 0 else amount end')},
) }}
