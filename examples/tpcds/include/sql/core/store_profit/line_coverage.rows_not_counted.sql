{% from 'checks/reconciliation.jinja' import differences with context %}
{{
    differences([
        table,
        ('core.line_profit', {'accepted_count': '1', 'refused_count': '0'}),
        ('quarantine.line_profit', {'accepted_count': '0', 'refused_count': '1'}),
    ], measures=['accepted_count', 'refused_count'], by=['ds'])
}}
