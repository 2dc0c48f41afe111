{% from 'checks/reconciliation.jinja' import differences with context %}
{{ differences(
    measures=['row_count', 'amount'],
    sides=[
        'raw.expenses',
        (table, {'amount': 'amount_in_expense_currency'}),
        ('quarantine.expenses', {'amount': 'amount_in_expense_currency'}),
    ],
) }}
