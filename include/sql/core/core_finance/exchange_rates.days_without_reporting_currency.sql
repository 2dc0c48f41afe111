{% from 'checks/completeness.jinja' import missing_periods with context %}
{{ missing_periods(where="rate_to_reporting = 1 and currency_code = '" ~ reporting_currency ~ "'") }}
