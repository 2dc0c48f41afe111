-- The states and their rates stand in the macro, for weeks and months alike.
{% from 'macros/growth.jinja' import growth with context %}
{{ growth(period='month', first_day="cast(date_trunc('month', ds) as date)", length="'1' month") }}
