"""Whether an export may leave: its receiver may be given the tables, and personal data only with a legal basis."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from typing import TYPE_CHECKING

from headline.errors import SpecError
from headline.intervals import Interval
from headline.specs import Catalog, Source, load_contract
from headline.specs.exports import FILE, Export, export_faults, load_receivers
from headline.sql import column_lineage, parse, render, tables_read
from headline.sql.lineage import Origin, Schema, origins

if TYPE_CHECKING:
    from sqlglot import exp

# Which columns a query has does not depend on its days.
_ANY_DAYS = Interval(date(2026, 3, 3), date(2026, 3, 4))
KNOWN, LABELS, LABEL = "known", "known.labels", "label_"


def check_entitled(export: Export, catalog: Catalog) -> None:
    """Raise SpecError, with all faults at once, where an export does not fit to the pipelines, gives its receiver what they may
    not have, or personal data without saying so. What cannot be followed to where it comes from counts as a fault."""
    faults = list(export_faults(export, catalog))
    if not faults:
        faults += _wrong_tables(export, catalog)
        faults += [f"exports/{export.id}/{FILE}: {fault}" for fault in _personal_faults(export, catalog)]
    if faults:
        raise SpecError(faults)


def tables_of(export: Export) -> list[str]:
    """Every table and landing that an export reads, by the names of the ledger."""
    landings = [f"landing.{name}" for name in export.features.landings] if export.features else []
    return sorted({*export.reads, *landings} - {"calendar.days"})


def personal_columns(export: Export, catalog: Catalog) -> dict[str, str]:
    """The columns of the result that are computed from personal data, with where these come from.

    Raises SpecError where that cannot be said.
    """
    lineage = _Lineage(catalog)
    found: dict[str, str] = {}
    for column, of in _origins(export, catalog).items():
        if personal := sorted(filter(None, (lineage.personal(origin) for origin in of))):
            found[column] = personal[0]
    return found


def _origins(export: Export, catalog: Catalog) -> dict[str, set[Origin]]:
    where = f"exports/{export.id}/{export.sql_file.name}"
    schema = {name: columns_of(name, catalog) for name in export.reads}
    if export.features and export.label_file:
        label_where = f"exports/{export.id}/{export.label_file.name}"
        labels = origins(_query(export.label_file.read_text(), label_where), _by_area(schema), label_where)
        beside = {f"{LABEL}{name}": "varchar" for name in labels}
        schema |= {f"{KNOWN}.{name}": _landed_columns(name, catalog) | beside for name in export.features.landings}
        schema[LABELS] = dict.fromkeys(labels, "varchar")
        found = origins(_query(export.sql_file.read_text(), where), _by_area(schema), where)
        return {name: _through(of, labels) for name, of in found.items()}
    return origins(_query(export.sql_file.read_text(), where), _by_area(schema), where)


def _by_area(schema: Mapping[str, dict[str, str]]) -> Schema:
    areas: Schema = {}
    for table, columns in schema.items():
        area, _, name = table.partition(".")
        areas.setdefault(area, {})[name] = columns
    return areas


def _through(found: set[Origin], labels: dict[str, set[Origin]]) -> set[Origin]:
    """Origins with those of the labels in the place of the labels."""
    through: set[Origin] = set()
    for table, name in found:
        label = name if table == LABELS else name.removeprefix(LABEL)
        is_label = table == LABELS or (table.startswith(f"{KNOWN}.") and name.startswith(LABEL))
        through |= labels[label] if is_label else {Origin(table, name)}
    return through


def _query(text: str, where: str) -> exp.Query:
    return parse(render(text, _ANY_DAYS, where), where)


def columns_of(name: str, catalog: Catalog) -> dict[str, str]:
    """The columns of a published table with their types."""
    if name == "calendar.days":
        return {"ds": "date"}
    table = catalog.makers[name].outputs[name]
    columns = {column.name: column.sql_type for column in load_contract(table).columns}
    return columns | ({"quarantine_reason": "varchar"} if name != table.full_name else {})


def _landed_columns(name: str, catalog: Catalog) -> dict[str, str]:
    """What `known.<landing>` has: the columns that the raw table of this name maps, and since and until when a row was known."""
    raw = f"raw.{name}"
    if raw not in catalog.makers:
        raise SpecError([f"features.landings: no source lands {name}"])
    hidden = {"refusal", "refused_text", "refused_origin"}
    columns = {column: kind for column, kind in columns_of(raw, catalog).items() if column not in hidden}
    return columns | {"known_from": "timestamp", "known_to": "timestamp"}


def _wrong_tables(export: Export, catalog: Catalog) -> Iterator[str]:
    where, receiver = f"exports/{export.id}/{FILE}", load_receivers()[export.receiver]
    for name in tables_of(export):
        area = "sources" if name.startswith("landing.") else catalog.makers[name].area
        if area not in receiver.areas:
            yield f"{where}: reads: {export.receiver} may not be given {name}: receivers.yml gives it {', '.join(receiver.areas)}"
    for file in (export.sql_file, export.label_file):
        if file:
            read = tables_read(_query(file.read_text(), f"exports/{export.id}/{file.name}"))
            if unsaid := {name for name in read if not name.startswith(f"{KNOWN}.")} - {*export.reads}:
                yield f"exports/{export.id}/{file.name}: reads {', '.join(sorted(unsaid))}, which {FILE} does not name"


def _personal_faults(export: Export, catalog: Catalog) -> Iterator[str]:
    try:
        found = personal_columns(export, catalog)
    except SpecError as error:
        yield f"what cannot be followed may be personal data and does not leave: {'; '.join(error.faults)}"
        return
    named = set(export.personal.columns) if export.personal else set()
    if unsaid := sorted(found.keys() - named):
        told = ", ".join(f"{name} (from {found[name]})" for name in unsaid)
        yield f"personal data does not leave without a legal basis: {told}. Name it under `personal`, or leave it out"
    if found and not load_receivers()[export.receiver].personal:
        yield f"{export.receiver} may not be given personal data ({', '.join(sorted(found))}): receivers.yml does not allow it"
    if export.key and (keys := sorted(found.keys() & {*export.key})):
        yield f"key: {', '.join(keys)} is personal data, and the ledger keeps the keys of rows: use the person's id"


class _Lineage:
    """Follows columns of tables back to the raw tables, whose contracts and sources say what is personal."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.personal = cache(self._personal)

    def _personal(self, origin: Origin) -> str:
        """Where a column of a table holds personal data; empty where it does not."""
        name, column = origin
        if name == "calendar.days" or column in ("known_from", "known_to"):
            return ""
        name = f"raw.{name.removeprefix(f'{KNOWN}.')}" if name.startswith(f"{KNOWN}.") else name
        pipeline = self._catalog.makers[name]
        table = pipeline.outputs[name]
        if column in load_contract(table).personal_columns:
            return f"{name}.{column}"
        if isinstance(pipeline, Source):
            ingests = (pipeline.ingest.get(read.removeprefix("landing.")) for read in table.reads)
            return f"{name}.{column}" if any(one and column in one.personal for one in ingests) else ""
        of = column_lineage(table, self._catalog.filled_by).get(column)
        if of is None:
            raise SpecError([f"{table.sql_file.name} gives no column {column} of {name}"])
        return next(filter(None, map(self.personal, of)), "")
