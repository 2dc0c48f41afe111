"""The generated parts of a runbook: facts, the on-call procedure, the checks and the schemas."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from headline.runbooks.checks import ListedCheck, listed_checks
from headline.runbooks.document import replace_parts, sections
from headline.runbooks.markdown import anchor, bullets, code, duration, link, table
from headline.specs import AnyIngest, Catalog, Check, Contract, Pipeline, Source, Table, Team, Window, load_contract, load_team

PARTS = ("facts", "on call", "checks", "data")
TIERS = {
    1: "1, reported to investors: alerts may page at night",
    2: "2, for experiments: alerts wait for the morning",
}


def regenerated(pipeline: Pipeline, catalog: Catalog) -> str:
    """The runbook of a pipeline with its generated parts up to date; a new one has empty sections to be written."""
    file = pipeline.runbook_file
    text = file.read_text() if file.is_file() else _prose("new", pipeline=pipeline)
    return replace_parts(text, generated_parts(pipeline, catalog, text))


def generated_parts(pipeline: Pipeline, catalog: Catalog, text: str = "") -> dict[str, str]:
    """The generated parts of the runbook `text`, by name: Markdown, with links relative to the pipeline's folder."""
    described = {section.title for section in sections(text)}
    parts = (_facts(pipeline, catalog), _on_call(pipeline, catalog), _checks(pipeline, described), _data(pipeline, catalog))
    return dict(zip(PARTS, parts, strict=True))


def _facts(pipeline: Pipeline, catalog: Catalog) -> str:
    def linked(names: list[str]) -> str:
        others = [catalog.pipelines[name] for name in names]
        return ", ".join(f"{link(other.id, _runbook(other, pipeline))} {other.lands_at:%H:%M}" for other in others)

    team = load_team()
    owners = team.owners[pipeline.area]
    waits_for = [name for name in _upstream(pipeline, catalog) if name in catalog.inputs_of(pipeline.id)]
    rows = {
        "Landing deadline": f"every day by **{pipeline.lands_at:%H:%M} UTC**, with the day before",
        "Tier": TIERS[pipeline.tier],
        "Owners": f"{_people(owners.primary, team)}; secondary {_people(owners.secondary, team)}",
        "Waits for": linked(waits_for),
        "Downstream": linked(catalog.readers_of(pipeline.id)),
    }
    return table(["", ""], [row for row in rows.items() if row[1]])


def _on_call(pipeline: Pipeline, catalog: Catalog) -> str:
    """The procedure; `ways` lead from each source that the pipeline depends on to the pipeline itself, in the order of a run."""
    line = [*_upstream(pipeline, catalog), pipeline.id]
    ways = [
        [name for name in line if name == source or source in _upstream(catalog.pipelines[name], catalog)]
        for source in line
        if isinstance(catalog.pipelines[source], Source)
    ]
    is_source = isinstance(pipeline, Source)
    around = [catalog.pipelines[name] for name in (catalog.readers_of(pipeline.id) if is_source else line)]
    limited = {other.id: f"{other.coverage.partial * 100:.0f} %" for other in around if other.coverage.partial < 1}
    team = load_team()
    owners = team.owners[pipeline.area]
    return _prose(
        "on_call",
        pipeline=pipeline,
        is_source=is_source,
        ways=ways,
        limit=limited.pop(pipeline.id, ""),
        limits=limited,
        primary=_people(owners.primary, team),
        secondary=_people(owners.secondary, team),
        delay=duration(team.escalate_after[pipeline.tier]),
    )


def _checks(pipeline: Pipeline, described: set[str]) -> str:
    """First links to the hand-written sections; then the other checks, grouped by the general meaning of their failure."""
    listed = listed_checks(pipeline)
    sections = [
        f"{link(check.name, f'#{anchor(check.name)}')}, {_on(check)}: {_effect(check)}"
        for check in listed
        if check.name in described
    ]
    general: dict[str, list[str]] = defaultdict(list)
    for check in listed:
        if check.name not in described:
            general[f"{_effect(check)}. {check.meaning}"].append(f"{check.name}, {_on(check)}")
    return bullets([*sections, *(f"{'; '.join(names)}: {meaning}" for meaning, names in general.items())])


def _on(check: ListedCheck) -> str:
    return ", ".join(code(name) + (f" ({columns} columns)" if columns > 1 else "") for name, columns in check.tables.items())


def _effect(check: ListedCheck) -> str:
    return "**blocks**" if check.blocks else "warns"


def _data(pipeline: Pipeline, catalog: Catalog) -> str:
    landed = pipeline.landed if isinstance(pipeline, Source) else {}
    blocks = ["### Source data"]
    for name, ingest in landed.items():
        blocks += [f"#### {name}", _arrival(ingest)]
    for name, window in pipeline.inputs.items():
        if name in catalog.makers:
            maker, columns = catalog.makers[name], load_contract(catalog.makers[name].outputs[name]).columns
            schema = ", ".join(f"{code(column.name)} {column.sql_type}" for column in columns)
            place = f"{_runbook(maker, pipeline)}#{anchor(name)}"
            blocks += [f"#### {name}", f"Made by {link(maker.id, place)}; read for {_days(window)}. {schema}"]
    blocks += ["### Transformed data", _transformed(pipeline), "### Target data"]
    for made in pipeline.ordered_tables:
        blocks += _target(made, load_contract(made))
    return "\n\n".join(blocks)


def _transformed(pipeline: Pipeline) -> str:
    rows = []
    for made in pipeline.ordered_tables:
        inputs = [code(name) for name in made.reads]
        quarantined = code(made.quarantine_name) if made.quarantine else ""
        rows.append([link(made.sql_file.name, made.sql_file.name), ", ".join(inputs), quarantined])
    text = (
        "Each SELECT writes a staging table with the columns of its target. It is published when its checks have passed. If one "
        "fails, the staging table is kept for 7 days."
    )
    if any(made.quarantine for made in pipeline.tables.values()):
        text += " Rows that violate a rule are quarantined with all their columns and `quarantine_reason`."
    return f"{text}\n\n" + table(["SELECT", "reads", "quarantined rows"], rows)


def _target(made: Table, contract: Contract) -> Iterator[str]:
    key = f" Key: {', '.join(map(code, made.key))}." if made.key else ""
    by_period = f"Replaced {made.period} by {made.period} (`{made.period_column}`)."
    replaced = by_period if made.period_column else "Rebuilt completely by every run."
    promises = {
        column.name: ", ".join(_promise(check) for check in contract.listed_checks if check.column == column.name)
        for column in contract.columns
    }
    rows = [[code(column.name), column.sql_type, promises[column.name], column.meaning] for column in contract.columns]
    yield f"#### {made.full_name}"
    yield f"{contract.description}{key} {replaced} {link('Contract', made.contract_file.name)}"
    yield table(["column", "type", "checked", "meaning and unit"], rows)


def _arrival(ingest: AnyIngest) -> str:
    """How the data of an ingest arrives, in a line."""
    match ingest.kind:
        case "database":
            how = f"The query {link(ingest.extract, ingest.extract)}"
        case "http":
            how = f"JSON pages of `GET {ingest.path}`"
        case "files":
            how = f"Files `{ingest.pattern}` ({ingest.format})"
            how += f", each record on the business day of `{ingest.moment}`" if ingest.moment else ""
        case "stream":
            how = f"Files `{ingest.pattern}` (gzip, JSON lines), dropped at any time"
    again = f"; every run reads the {ingest.lookback_days} days before it again" if ingest.lookback_days else ""
    return f"{how}, by the connection `{ingest.connection}`{again}."


def _days(window: Window) -> str:
    """The days of a window, in words."""
    before, after = window.lookback_days, window.lookahead_days
    around = [f"{days} day{'s' if days != 1 else ''} {side}" for days, side in ((before, "before"), (after, "after")) if days]
    return ", ".join(["the day", *around]) + (", without gaps" if window.without_gaps else "")


def _promise(check: Check) -> str:
    """The rule of a check on a column, in a few words."""
    body: dict[str, Any] = check.body
    bounds = [sign + str(body[key]) for key, sign in (("valid_min", "≥ "), ("valid_max", "≤ ")) if key in body]
    words = {"missing": "not null", "duplicate": "unique", "invalid": " and ".join(bounds)}.get(check.type) or check.name
    if "valid_values" in body:
        words = "one of " + ", ".join(map(str, body["valid_values"]))
    return words + (" (warns)" if check.warns else "")


def _upstream(pipeline: Pipeline, catalog: Catalog) -> list[str]:
    """Every pipeline that this one depends on, each after those that it depends on itself."""
    found: dict[str, None] = {}
    for name in sorted(catalog.inputs_of(pipeline.id)):
        found |= dict.fromkeys([*_upstream(catalog.pipelines[name], catalog), name])
    return list(found)


def _people(ids: Iterable[str], team: Team) -> str:
    """Names with their handle in the chat."""
    people = [team.engineer(one) for one in ids]
    return " and ".join(f"{one.name} ({one.slack or one.email})" for one in people)


def _runbook(other: Pipeline, here: Pipeline) -> str:
    return os.path.relpath(other.runbook_file, here.folder)


def _prose(name: str, **values: object) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    # Markdown, not HTML: whoever shows it escapes it.
    loader = PackageLoader("headline.runbooks")
    environment = Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # noqa: S701
    return environment.get_template(f"{name}.md").render(values)
