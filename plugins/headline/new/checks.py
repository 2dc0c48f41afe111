"""A new check of a table, and a new metric: a column of figures with what belongs to it."""

from __future__ import annotations

import re
from typing import Any, get_args

from headline.errors import BadRequest
from headline.new.draft import Draft, in_yaml
from headline.new.names import require_name
from headline.new.runbooks import renew
from headline.rules.content import content_faults
from headline.rules.fault import shown
from headline.rules.tables import NUMBERS, WITHOUT_FIGURES
from headline.specs import Catalog, Dimension, Table, load_contract, load_understood
from headline.specs.files import parse_yaml
from headline.specs.written import load_conventions

DIMENSIONS: tuple[str, ...] = get_args(Dimension)


def begin_check(table: str, name: str, dimension: str, wrong: str) -> list[Draft]:
    """Write a check `name` as a SELECT of the rows that are wrong, and list it in the contract.

    `wrong`: the condition that they meet; without it a place for one is left. Raises BadRequest where it cannot be added.
    """
    catalog = load_understood()
    found = _table(catalog, table)
    contract = load_contract(found)
    if name in {check.name for check in contract.listed_checks}:
        raise BadRequest(f"{table} has a check «{name}» already; a name says what must be true, once")
    if len(name) < 5 or "\n" in name:
        raise BadRequest(f"{name!r} says not what must be true, such as: every order has a customer")
    if dimension not in DIMENSIONS:
        raise BadRequest(f"{dimension!r} is no dimension of checks; there are {', '.join(DIMENSIONS)}")
    slug = re.sub(r"\W+", "_", name.lower(), flags=re.ASCII).strip("_")[:40].rstrip("_")
    slug = require_name(f"not_{slug}" if slug[:1].isdigit() else slug or "wrong_rows", "file of a check")
    draft, own = Draft(), [found.period_column] if found.period_column else []
    columns = list(dict.fromkeys([*own, *found.key]))
    file = found.contract_file.with_name(f"{found.name}.{slug}.sql")
    draft.add(file, "check.sql", columns=columns, wrong=wrong, by_period=bool(own))
    entry = f"{in_yaml(name)}: {{dimension: {dimension}, sql: {slug}}}"
    draft.change(found.contract_file, _with_check(found, found.contract_file.read_text(), entry))
    return _written(draft, found)


def begin_metric(table: str, name: str, value: str) -> list[Draft]:
    """Write a column `name` of a table of figures: in its SELECT, before its coverage, and in its contract, with a check.

    Raises BadRequest, with the lines to write by hand, where the SELECT has no such place; and where the table would be faulty.
    """
    catalog = load_understood()
    found = _table(catalog, table)
    contract = load_contract(found)
    maker = catalog.makers[table]
    require_name(name, "column")
    if maker.area in WITHOUT_FIGURES or not contract.tells_coverage:
        raise BadRequest(f"{table} holds no figures: a metric is a column of a table with coverage and is_partial")
    if name in contract.column_names:
        raise BadRequest(f"{table} has a column {name} already")
    conventions = load_conventions()
    kind = conventions.kind_of(name)
    if kind is None:
        raise BadRequest(f"{name}: its name tells no type; call it as include/sql/conventions.yml says, such as {name}_count")
    type_ = conventions.types[kind].type
    is_sum = kind != "ratio" and type_.partition("(")[0] in NUMBERS
    said: dict[str, Any] = {"additive_over": []} if is_sum else {"nullable": True}
    said["description"] = "TODO: what it says, with its unit; and over what it can be summed."
    before = contract.column_names[_place(contract.column_names)]
    text = _inserted(found.contract_file.read_text(), f"  {before}:", f"  {name}: {in_yaml(said)}\n")
    if is_sum and "anomaly" not in found.exempt:
        mark = "  # TODO: by which share, and by how much at least (floor), it must depart from other weeks to be unusual.\n"
        # The greatest of a day's rows: until a person says over what it can be summed, a sum may count things twice.
        usual = f"unusual: {{measure: {name}, value: max({name}), at_least: 0.5, floor: 20}}"
        text = _with_check(found, text, f"the figure {name} is usual:\n    {usual}", mark)
    draft = Draft()
    draft.change(found.contract_file, text)
    draft.change(found.sql_file, _with_column(found, f"    cast({value} as {type_}) as {name},\n"))
    return _written(draft, found)


def _table(catalog: Catalog, name: str) -> Table:
    if name not in catalog.tables:
        raise BadRequest(f"no table is called {name}; there are: {', '.join(sorted(catalog.tables))}")
    return catalog.tables[name]


def _place(names: list[str]) -> int:
    """Before which column a metric stands: what comes last in a table of figures is how much of it is there."""
    return min(names.index("coverage"), names.index("is_partial"))


def _with_column(table: Table, line: str) -> str:
    """The SELECT with a column more, before `coverage` and `is_partial` of its last part."""
    text = table.sql_file.read_text()
    first = load_contract(table).column_names[_place(load_contract(table).column_names)]
    begin = max(text.rfind("\nselect\n"), 0 if text.startswith("select\n") else -1)
    # A column stands on a line of its own, or on the last of several that are one expression.
    there = re.search(rf"^    (?:\w+\.)?{first},?$|^    [^\n]* as {first},?$", text[begin:], re.MULTILINE) if begin >= 0 else None
    if there is None:
        raise BadRequest(
            f"{shown(table.sql_file)}: no line of its last SELECT is {first} alone; write by hand before it:\n{line}"
        )
    place = begin + there.start()
    return text[:place] + line + text[place:]


def _with_check(table: Table, text: str, entry: str, before: str = "") -> str:
    """The text of a contract with a check more, the last. `before`: lines above it."""
    if not re.search(r"^checks:", text, re.MULTILINE):
        text = text.rstrip("\n") + "\nchecks:\n"
    elif not re.search(r"^checks:\s*(#.*)?$", text, re.MULTILINE):
        raise BadRequest(f"{shown(table.contract_file)}: write `checks:` as a block; then a check can be added")
    begin = re.search(r"^checks:.*\n?", text, re.MULTILINE)
    end = re.search(r"^[^\s#]", text[begin.end() :], re.MULTILINE) if begin else None
    place = begin.end() + end.start() if begin and end else len(text)
    return text[:place].rstrip("\n") + f"\n{before}  {entry}\n" + text[place:]


def _inserted(text: str, before: str, line: str) -> str:
    found = re.search(rf"^{before}", text, re.MULTILINE)
    if found is None:
        raise BadRequest(f"no line of the contract begins with {before.strip()}; write by hand:\n{line}")
    return text[: found.start()] + line + text[found.start() :]


def _written(draft: Draft, table: Table) -> list[Draft]:
    """Write it, and take it back where the folder has faults that it did not have before; raises BadRequest with them."""
    folder = table.contract_file.parent
    for file, text in draft.changed.items():
        if file.suffix == ".yml":
            parse_yaml(text, file)
    before = {file: file.read_text() for file in draft.changed}
    known = set(content_faults(folder, load_understood()))
    draft.write()
    new = [fault for fault in content_faults(folder, load_understood()) if fault not in known]
    # Runbooks follow; what is marked is for a person.
    if faults := [f"  - {one.file}: {one.text}" for one in new if "TODO" not in one.text and not one.file.endswith("RUNBOOK.md")]:
        for file, text in before.items():
            file.write_text(text)
        for file in draft.new:
            file.unlink()
        raise BadRequest("\n".join(["nothing was written, for then it would not be right:", *faults]))
    return [draft, renew()]
