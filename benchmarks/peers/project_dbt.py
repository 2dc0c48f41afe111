"""Our tables as a dbt project for dbt-duckdb: incremental by period, each test held to the rows that the run has written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlglot import exp

from benchmarks.peers.models import Check, Model, Names, landed_files, own_side, text

# The interval comes with dbt's own flags for it: other values of --vars would make dbt parse the whole project again.
MACROS = """
{% macro generate_schema_name(custom_schema_name, node) %}{{ custom_schema_name or target.schema }}{% endmacro %}

{% macro interval_start(lookback, period, first) %}
  {%- set asked = invocation_args_dict.get('event_time_start') or first -%}
  {%- set day = modules.datetime.date.fromisoformat(asked | string | truncate(10, true, '', 0)) -%}
  {%- set day = [day - modules.datetime.timedelta(days=[lookback, 9999] | min),
                 modules.datetime.date.fromisoformat(first)] | max -%}
  {%- if period == 'week' %}{% set day = day - modules.datetime.timedelta(days=day.weekday()) %}{% endif -%}
  {%- if period == 'month' %}{% set day = day.replace(day=1) %}{% endif -%}
  date '{{ day }}'
{%- endmacro %}

{% macro interval_end(period, first) %}
  {%- set asked = invocation_args_dict.get('event_time_end') or first -%}
  {%- set day = modules.datetime.date.fromisoformat(asked | string | truncate(10, true, '', 0)) -%}
  {%- if period == 'week' %}{% set day = day + modules.datetime.timedelta(days=-day.weekday() % 7) %}{% endif -%}
  {%- if period == 'month' and day.day > 1 -%}
    {%- set day = (day.replace(day=1) + modules.datetime.timedelta(days=32)).replace(day=1) -%}
  {%- endif -%}
  date '{{ day }}'
{%- endmacro %}

{% macro get_where_subquery(relation) %}
  {%- set where = config.get('where') or '' -%}
  {#- dbt knows no macros where it reads this setting: [[ ]] is filled in here. -#}
  {%- set where = render(where | replace('[[', '{' ~ '{') | replace(']]', '}' ~ '}')) -%}
  {%- if where -%}{{ return('(select * from ' ~ relation ~ ' where ' ~ where ~ ') dbt_subquery') }}{%- endif -%}
  {{ return(relation) }}
{% endmacro %}

{% test unique_key(model, columns) %}
select {{ columns | join(', ') }} from {{ model }} group by {{ columns | join(', ') }} having count(*) > 1
{% endtest %}

{% test in_range(model, column_name, at_least=none, at_most=none) %}
select {{ column_name }} from {{ model }}
where {% if at_least is not none %}{{ column_name }} < {{ at_least }}{% endif %}
  {% if at_least is not none and at_most is not none %}or{% endif %}
  {% if at_most is not none %}{{ column_name }} > {{ at_most }}{% endif %}
{% endtest %}

{% test no_row(model, condition) %}
select 1 from {{ model }} where {{ condition }}
{% endtest %}
"""


def write_project(folder: Path, chosen: Sequence[Model], landing: str, first: str, database: str, *, checks: bool) -> int:
    """Write the whole project and its profile; returns how many of our checks it has."""
    project = {
        "name": "peers",
        "profile": "peers",
        "version": "1.0",
        "flags": {"send_anonymous_usage_stats": False, "use_colors": False, "partial_parse": True},
        "models": {"peers": {"+on_schema_change": "ignore"}},
    }
    settings = {"memory_limit": "2GB", "temp_directory": f"{database}.spill", "TimeZone": "UTC"}
    # More threads cost dbt more than they gain: DuckDB itself uses all cores for each statement.
    output = {"type": "duckdb", "path": database, "schema": "main", "threads": 1, "settings": settings}
    _write(folder / "dbt_project.yml", json.dumps(project))
    _write(folder / "profiles.yml", json.dumps({"peers": {"target": "peers", "outputs": {"peers": output}}}))
    _write(folder / "macros" / "peers.sql", MACROS)
    names: dict[str, str | exp.Expr] = {output: _ref(output) for model in chosen for output in model.table.outputs}
    described, count = [], 0
    for model in chosen:
        landed = {name: landed_files(name, landing) for name in model.reads if name.startswith("landing.")}
        _write_model(folder / "models", model, names | landed, first)
        if checks:
            described.append(_described(model, first))
            _write_queries(folder / "tests", model, names, first)
            count += len(model.checks)
    _write(folder / "models" / "models.yml", json.dumps({"version": 2, "models": described}))
    return count


def _write_model(folder: Path, model: Model, names: Names, first: str) -> None:
    schema, alias = model.target.split(".")
    config = f"schema='{schema}', alias='{alias}', materialized='table'"
    if not model.is_whole:
        incremental = (
            f"materialized='incremental', incremental_strategy='delete+insert', unique_key='{model.table.period_column}'"
        )
        config = f"schema='{schema}', alias='{alias}', {incremental}"
    body = text(model.query, names, *_interval(model, first))
    _write(folder / f"{_id(model.target)}.sql", f"{{{{ config({config}) }}}}\n{body}\n")
    for name, view in model.views.items():
        schema, alias = name.split(".")
        body = text(view, {model.target: _ref(model.target)}, "", "")
        config = f"schema='{schema}', alias='{alias}', materialized='view'"
        _write(folder / f"{_id(name)}.sql", f"{{{{ config({config}) }}}}\n{body}\n")


def _described(model: Model, first: str) -> dict[str, Any]:
    """The entry of a model's generic tests, held to the accepted rows of the interval."""
    conditions = ["quarantine_reason is null"] if model.views else []
    if column := model.table.period_column:
        start, end = (day.replace("{{", "[[").replace("}}", "]]") for day in _interval(model, first))
        conditions.append(f"{column} >= {start} and {column} < {end}")
    config = {"config": {"where": " and ".join(conditions)}} if conditions else {}
    columns: dict[str, list[Any]] = {}
    whole: list[Any] = []
    for check in model.checks:
        match check.kind:
            case "not_null":
                columns.setdefault(check.columns[0], []).append({"not_null": config})
            case "accepted":
                values = {"arguments": {"values": list(check.values)}}
                columns.setdefault(check.columns[0], []).append({"accepted_values": values | config})
            case "range":
                bounds = {"arguments": {"at_least": check.bounds[0], "at_most": check.bounds[1]}}
                columns.setdefault(check.columns[0], []).append({"in_range": bounds | config})
            case "unique":
                whole.append({"unique_key": {"arguments": {"columns": list(check.columns)}} | config})
            case "expression":
                name = f"{_id(model.name)}_{len(whole)}"
                whole.append({"no_row": {"name": name, "arguments": {"condition": check.expression}} | config})
    tested = [{"name": name, "data_tests": tests} for name, tests in columns.items()]
    return {"name": _id(model.target), "columns": tested, "data_tests": whole}


def _write_queries(folder: Path, model: Model, names: Names, first: str) -> None:
    for number, check in enumerate(_queries(model)):
        own = own_side(model, _ref(model.name), _ref)
        body = text(check.query, {**names, **own}, *_interval(model, first)) if check.query else ""
        # Without a reference of its own dbt would run it before the model.
        _write(folder / f"{_id(model.name)}_{number}.sql", f"-- depends_on: {_ref(model.target)}\n{body}\n")


def _queries(model: Model) -> list[Check]:
    return [check for check in model.checks if check.query is not None]


def _interval(model: Model, first: str) -> tuple[str, str]:
    period = model.table.period
    return f"{{{{ interval_start({model.lookback}, '{period}', '{first}') }}}}", f"{{{{ interval_end('{period}', '{first}') }}}}"


def _id(name: str) -> str:
    return name.replace(".", "__")


def _ref(name: str) -> exp.Expr:
    return exp.Table(this=exp.var(f"{{{{ ref('{_id(name)}') }}}}"))


def _write(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
