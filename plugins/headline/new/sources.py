"""A new source with one thing that arrives: how it is read, the raw table that it becomes, and its first golden case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headline import settings
from headline.errors import BadRequest
from headline.new.begin import add_dag
from headline.new.draft import Draft
from headline.new.figures import FIRST, NEXT
from headline.new.golden import add_expected, add_given, case_folder
from headline.new.kinds import Kind
from headline.new.names import require_free_id, require_name
from headline.new.runbooks import renew
from headline.specs import Catalog, load_pipeline, load_understood
from headline.specs.written import load_conventions

RECEIVED = {"headline_refusal": "varchar", "headline_text": "varchar", "headline_origin": "varchar"}


@dataclass(frozen=True)
class RawColumn:
    """A column of a raw table: its SQL over what landed, its type, what the contract says of it, and comments for its SQL."""

    name: str
    sql: str
    type: str
    contract: Any
    notes: tuple[str, ...] = ()


def begin_source(name: str, table: str, kind: Kind, columns: Sequence[str], key: Sequence[str], moment: str) -> list[Draft]:
    """Write a source, and give back what was written. `columns`: `name`, or `name:type` where the name tells none.

    `moment`: the column that tells when a record happened, which all but files of a day need. Raises BadRequest for bad names.
    """
    catalog = load_understood()
    require_free_id(require_name(name, "source"), catalog)
    _require_free(require_name(table, "table"), catalog)
    found = [raw_column(one) for one in columns]
    names = [one.name for one in found]
    if not found:
        raise BadRequest("name at least one column that arrives: --column order_id --column amount")
    if twice := sorted({one for one in names if names.count(one) > 1}):
        raise BadRequest(f"{', '.join(twice)}: a column is named once")
    if absent := sorted({*key, *([moment] if moment else [])} - set(names)):
        raise BadRequest(f"{', '.join(absent)}: is none of the columns {', '.join(names)}")
    if not key:
        raise BadRequest(f"say which columns tell a record from another: --key {names[0]}")
    if not moment and kind in (Kind.DATABASE, Kind.HTTP, Kind.STREAM):
        raise BadRequest(f"say which column tells when a record happened, by which its day is known: --moment {names[-1]}")
    folder, draft = settings.load().sql / "sources" / name, Draft()
    spec = {
        "table": table,
        "kind": kind if kind in (Kind.DATABASE, Kind.HTTP, Kind.STREAM) else "files",
        "key": ["ds", *key],
        "key_at_source": list(key),
        "connection": _connection(name, table, kind, moment),
    }
    draft.add(folder / "source.yml", "source.yml", **spec)
    draft.add(folder / f"{table}.sql", "mapping.sql", table=table, columns=found)
    draft.add(folder / f"{table}.contract.yml", "raw.contract.yml", columns=found, row=" and ".join(key))
    if kind is Kind.DATABASE:
        draft.add(folder / f"{table}.extract.sql", "extract.sql", table=table, columns=found, moment=moment)
    add_dag(draft, "sources", name)
    typed = kind in (Kind.PARQUET, Kind.DATABASE)
    types = {"ds": "date"} | {one.name: one.type if typed else "varchar" for one in found} | RECEIVED
    case = case_folder("sources", name, table)
    add_given(draft, case, {f"landing.{table}": [_made_up(found, number) for number in range(3)]}, types)
    draft.write()
    expected = Draft()
    add_expected(expected, case, load_understood(), load_pipeline(folder).tables[table])
    expected.write()
    return [draft, expected, renew()]


def raw_column(written: str) -> RawColumn:
    """A column of `name` or `name:type`; raises BadRequest where neither tells a type."""
    name, _, type_ = written.partition(":")
    require_name(name, "column")
    conventions = load_conventions()
    kind = conventions.kind_of(name)
    by_name = conventions.types[kind].type if kind else ""
    if not (by_name or type_):
        raise BadRequest(f"{name}: its name tells no type (include/sql/conventions.yml); write --column {name}:varchar")
    if by_name and type_ and by_name.replace(" ", "") != type_.replace(" ", ""):
        raise BadRequest(f"{name} is called like {kind}, which is {by_name}: leave {type_} out, or name it otherwise")
    description = "TODO: what it means, with its unit."
    said = description if by_name else {"type": type_, "description": description}
    return RawColumn(name, f"cast({name} as {by_name or type_})", by_name or type_, said)


def _require_free(table: str, catalog: Catalog) -> None:
    """A landing's name is one of the warehouse, as that of its raw table is."""
    taken = {name: one.id for one in catalog.pipelines.values() for name in one.names}
    for name in (f"raw.{table}", f"landing.{table}"):
        if name in taken:
            raise BadRequest(f"{name} is there already, made by {taken[name]}")


def _connection(name: str, table: str, kind: Kind, moment: str) -> list[str]:
    """How it is read, in lines of source.yml: what nobody can know is marked."""
    other = f"connection: headline_{name}  # TODO: that connection of Airflow's, such as AIRFLOW_CONN_HEADLINE_{name.upper()}"
    files = "connection: headline_datashare  # TODO: Airflow's connection to the folder, if it is another one"
    match kind:
        case Kind.DATABASE:
            return [other, f"extract: {table}.extract.sql"]
        case Kind.HTTP:
            return [
                other,
                f"path: /{table}  # TODO: the path, and below the names that the service gives to days, records and pages",
                'params: {from: "{{ start }}", to: "{{ end }}"}',
                "records: data",
                "next: next_cursor",
                "cursor: cursor",
                f"day: {moment}",
            ]
        case Kind.STREAM:
            pattern = f'pattern: "{table}/arrived=%Y-%m-%d/%H%M-*.jsonl.gz"  # TODO: where the micro-batches are dropped'
            return [files, pattern, f"moment: {moment}", "lookback_days: 2"]
    pattern = f'pattern: "{table}_{{{{ ds }}}}.{kind.value}"  # TODO: how the file of a day is called'
    return [files, pattern, f"format: {kind.value}", *([f"moment: {moment}"] if moment else [])]


def _made_up(columns: Sequence[RawColumn], number: int) -> dict[str, Any]:
    """A record of the day, two of them, or of the next one."""
    values: dict[str, Any] = {"ds": FIRST if number < 2 else NEXT}
    for one in columns:
        match one.type.partition("(")[0]:
            case "varchar":
                values[one.name] = f"{one.name[0].upper()}{number + 1}"
            case "decimal" | "double":
                values[one.name] = ("10.50", "2.00", "9.99")[number]
            case "boolean":
                values[one.name] = "true"
            case "date":
                values[one.name] = values["ds"]
            case "timestamp":
                values[one.name] = f"{values['ds']} 1{number}:00:00"
            case _:
                values[one.name] = number + 1
    return values
