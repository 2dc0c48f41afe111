-- What follows from money and rows stands in the macro, for all core pipelines alike.
{% from 'macros/coverage.jinja' import coverage_of with context %}
{{ coverage_of({'events': 'event_count', 'exposures': 'exposure_count'}) }}
