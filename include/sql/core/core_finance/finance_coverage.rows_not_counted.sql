{% from 'checks/reconciliation.jinja' import differences with context %}
{{
    differences([
        (table, {'refused_count': 'refused_count + repeated_count'}),
        ('core.expenses', {'accepted_count': '1', 'refused_count': '0', 'accepted_expense': 'amount'}),
        ('quarantine.expenses', {'accepted_count': '0', 'refused_count': '1', 'accepted_expense': '0'}),
    ], measures=['accepted_count', 'refused_count', 'accepted_expense'], by=['ds'])
}}
