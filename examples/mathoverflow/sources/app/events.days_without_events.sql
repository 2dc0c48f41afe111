{#- On that one day the file has nothing at all; those beside it are as usual. -#}
{% from 'checks/completeness.jinja' import missing_periods with context %}
{{ missing_periods(expected="(select ds from calendar.days where ds <> date '2012-10-31') as days") }}
