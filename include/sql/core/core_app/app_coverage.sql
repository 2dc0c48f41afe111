-- The counts and what follows from them stand in the macro, for all core pipelines alike.
{% from 'macros/coverage.jinja' import coverage_of with context %}
{{ coverage_of(['events', 'exposures']) }}
