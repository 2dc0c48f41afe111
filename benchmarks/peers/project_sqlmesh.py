"""Our tables as a SQLMesh project: incremental by time range, its own lookback, and audits on what a run has written."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from sqlglot import exp

from benchmarks.peers.models import Check, Model, Names, landed_files, own_side, text
from headline.specs import Contract

START, END = "cast(@start_ds as date)", "cast(cast(@end_ds as date) + interval '1' day as date)"


def write_project(
    folder: Path,
    chosen: Sequence[Model],
    external: Sequence[tuple[str, Contract, bool]],
    landing: str,
    first: str,
    database: str,
    *,
    checks: bool,
) -> int:
    """Write the whole project and its configuration; returns how many of our checks it has."""
    settings = {"memory_limit": "2GB", "temp_directory": f"{database}.spill", "TimeZone": "UTC"}
    connection = {"type": "duckdb", "database": database, "connector_config": settings, "register_comments": False}
    config = {
        "gateways": {"peers": {"connection": connection}},
        "model_defaults": {"dialect": "duckdb", "start": first, "cron": "@daily"},
        "disable_anonymized_analytics": True,
        "plan": {"no_prompts": True, "auto_apply": True},
    }
    _write(folder / "config.yaml", json.dumps(config))
    outer = [{"name": name, "columns": _column_types(contract, quarantine)} for name, contract, quarantine in external]
    _write(folder / "external_models.yaml", json.dumps([{"name": "calendar.days", "columns": {"ds": "date"}}, *outer]))
    count = 0
    for model in chosen:
        landed = {name: landed_files(name, landing) for name in model.reads if name.startswith("landing.")}
        audits = _audits(folder, model, first) if checks else []
        _write_model(folder, model, landed, first, audits)
        count += len(model.checks) if checks else 0
    return count


def _write_model(folder: Path, model: Model, landed: Names, first: str, audits: Sequence[str]) -> None:
    properties = [f"name {model.target}", f"kind {_kind(model)}", f"start '{first}'"]
    properties.append(f"columns ({', '.join(f'{name} {kind}' for name, kind in model.columns.items())})")
    if needed := sorted(name for name in model.reads if not name.startswith("landing.")):
        properties.append(f"depends_on ({', '.join(needed)})")
    if audits:
        properties.append(f"audits ({', '.join(audits)})")
    body = text(model.query, landed, *_interval(model, first))
    _write(folder / "models" / f"{model.target}.sql", f"MODEL ({', '.join(properties)});\n\n{body}\n")
    for name, view in model.views.items():
        _write(folder / "models" / f"{name}.sql", f"MODEL (name {name}, kind VIEW);\n\n{text(view, {}, '', '')}\n")


def _kind(model: Model) -> str:
    if model.is_whole:
        return "FULL"
    if model.table.period == "day":
        return f"INCREMENTAL_BY_TIME_RANGE (time_column ds, lookback {model.lookback})" if model.lookback else _by_day()
    # A week or month is replaced while it is not over, which a time range of whole weeks or months would wait for.
    return f"INCREMENTAL_BY_UNIQUE_KEY (unique_key {model.table.period_column})"


def _by_day() -> str:
    return "INCREMENTAL_BY_TIME_RANGE (time_column ds)"


def _interval(model: Model, first: str) -> tuple[str, str]:
    """The interval in SQLMesh's variables, which are days; the lookback of days is SQLMesh's own."""
    if model.table.period == "day":
        return START, END
    period = model.table.period
    reach = f"greatest({START} - interval '{model.lookback}' day, date '{first}')"
    start = f"cast(date_trunc('{period}', {reach}) as date)"
    end = f"cast(date_trunc('{period}', cast(@end_ds as date)) + interval '1' {period} as date)"
    return start, end


def _audits(folder: Path, model: Model, first: str) -> list[str]:
    """The audits of a model as its head lists them; those with a query of their own are written to a file."""
    accepted = "quarantine_reason is null" if model.views else "true"
    if model.table.period in ("week", "month"):
        start, end = _interval(model, first)
        accepted = f"{model.table.period_column} >= {start} and {model.table.period_column} < {end}"
    condition = f"condition := ({accepted})"
    listed: list[str] = []
    own: list[str] = []
    if columns := [check.columns[0] for check in model.checks if check.kind == "not_null"]:
        listed.append(f"not_null(columns := ({', '.join(columns)}), {condition})")
    for check in model.checks:
        match check.kind:
            case "accepted":
                values = ", ".join(f"'{value}'" for value in check.values)
                listed.append(f"accepted_values(column := {check.columns[0]}, is_in := ({values}), {condition})")
            case "unique":
                listed.append(f"unique_combination_of_columns(columns := ({', '.join(check.columns)}), {condition})")
            case "query":
                name = f"{model.name.replace('.', '__')}__{len(own)}"
                own.append(f"AUDIT (name {name});\n\n{_query(model, check, first)};\n")
                listed.append(name)
    if criteria := [_criterion(check) for check in model.checks if check.kind in ("range", "expression")]:
        listed.append(f"forall(criteria := ({', '.join(criteria)}), {condition})")
    if own:
        _write(folder / "audits" / f"{model.name}.sql", "\n".join(own))
    return listed


def _criterion(check: Check) -> str:
    """What holds for every row, also where a value is missing."""
    if check.kind == "expression":
        return f"not coalesce({check.expression}, false)"
    [column], (least, most) = check.columns, check.bounds
    bounds = [f"{column} < {least}"] if least is not None else []
    bounds += [f"{column} > {most}"] if most is not None else []
    return f"not coalesce({' or '.join(bounds)}, false)"


def _query(model: Model, check: Check, first: str) -> str:
    own = own_side(model, model.target, lambda name: name)
    return text(check.query or exp.select("1"), own, *_interval(model, first))


def _column_types(contract: Contract, quarantine: bool) -> dict[str, str]:
    columns = {column.name: column.sql_type for column in contract.columns}
    return columns | ({"quarantine_reason": "varchar"} if quarantine else {})


def _write(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
