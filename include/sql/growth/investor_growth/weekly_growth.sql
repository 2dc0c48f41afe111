-- The states and their rates stand in the macro, for weeks and months alike. A week begins on Monday.
{% from 'macros/growth.jinja' import growth with context %}
{{ growth(period='week', first_day="cast(date_trunc('week', ds) as date)", length="'7' day") }}
