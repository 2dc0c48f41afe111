{% from 'checks/reconciliation.jinja' import differences with context %}
{% from 'macros/growth.jinja' import active_users with context %}
{{ differences(measures=['active_users'], sides=[table, (active_users(period_column), {'active_users': '1'})]) }}
