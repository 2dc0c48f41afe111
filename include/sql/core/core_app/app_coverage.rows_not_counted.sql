{% from 'checks/reconciliation.jinja' import differences with context %}
{{
    differences([
        (table, {'refused_count': 'refused_count + repeated_count'}),
        ('core.events', {'accepted_count': '1', 'refused_count': '0'}),
        ('quarantine.events', {'accepted_count': '0', 'refused_count': '1'}),
        ('core.exposures', {'accepted_count': '1', 'refused_count': '0'}),
        ('quarantine.exposures', {'accepted_count': '0', 'refused_count': '1'}),
    ], measures=['accepted_count', 'refused_count'], by=['ds'])
}}
