"""A first source of a file: source.yml, the SELECT of its raw table and the contract; nothing in it is guessed in silence."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from textwrap import wrap

from headline.errors import BadRequest
from headline.new.draft import Draft, in_yaml
from headline.new.names import require_name
from headline.new.sources import RawColumn
from headline.profile.result import Judged, Profile
from headline.rules.tables import NAMED_ALONE
from headline.sources.columns import base
from headline.specs.written import load_conventions

# How a column is called whose name does not say its type, or says another.
_ENDINGS = {
    "date": "_on",
    "timestamp": "_at",
    "decimal": "_amount",
    "varchar": "_text",
    "bigint": "_number",
    "integer": "_number",
}
_LINE = 110


def write_mapping(found: Profile, source: str, table: str, sources: Path) -> Draft:
    """Write a source into the folder `sources`, and give back what was written; raises BadRequest for bad names.

    A folder of sources is called so; below one that is not, one is made.

    The data are the file as it is: where its name has a day, one a day, else one of many days, or a list without days.
    """
    require_name(source, "source")
    require_name(table, "table")
    folder, names = (sources if sources.name == "sources" else sources / "sources") / source, raw_names(found)
    key, notes = _key(found, names)
    draft = Draft()
    draft.add(
        folder / "source.yml",
        "profiled.yml",
        file=found.written.file.name,
        row_count=f"{found.row_count:,}",
        table=table,
        key=["ds", *key],
        key_notes=[line for note in notes for line in wrap(note, _LINE)],
        ingest=list(_ingest(found, found.keys[0] if found.keys else ())),
    )
    columns = [_raw_column(one, names[one.name]) for one in taken_over(found)]
    draft.add(folder / f"{table}.sql", "mapping.sql", table=table, columns=columns)
    draft.add(folder / f"{table}.contract.yml", "raw.contract.yml", columns=columns, row=" and ".join(key) or "line of the file")
    draft.write()
    return draft


def taken_over(found: Profile) -> list[Judged]:
    """The columns as the SELECT can take them over: only of the one that tells the day another form than ISO 8601 is read."""
    return [_as_text(one) if one.day_format and one is not found.day else one for one in found.columns]


def _as_text(one: Judged) -> Judged:
    doubt = f"days such as {one.day_format}: `moment`, or `day`, with `day_format` reads those of one column"
    return replace(one, type="varchar", doubts=(*one.doubts, doubt))


def raw_names(found: Profile) -> dict[str, str]:
    """What each column is called in the raw table: as in the file, in small letters, with an ending that says its type."""
    names: dict[str, str] = {}
    for one in taken_over(found):
        name = _own_name(one)
        number = 2
        while name in {*names.values(), "ds", "refusal", "refused_text", "refused_origin"}:
            name, number = f"{_own_name(one)}_{number}", number + 1
        names[one.name] = name
    return names


def _own_name(one: Judged) -> str:
    words = re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", one.name))
    plain = unicodedata.normalize("NFKD", words.casefold()).encode("ascii", "ignore").decode()
    name = re.sub(r"\W+", "_", plain, flags=re.ASCII).strip("_") or "column"
    name = f"column_{name}" if name[0].isdigit() else name
    conventions = load_conventions()
    kind = conventions.kind_of(name)
    if kind is not None and _takes(conventions.types[kind].type, one.type):
        return name
    told_by_name = {conventions.types[kind].type for kind in NAMED_ALONE if kind in conventions.types}
    if kind is None and one.type not in told_by_name:
        try:
            return require_name(name, "column")
        except BadRequest:
            pass
    if one.type == "boolean":
        return f"is_{name}"
    stem = re.sub(r"_(date|time|at|on|day)$", "", name)
    stem = stem if stem not in ("date", "time", "day") else "happened"
    return f"{stem}{_ENDINGS.get(base(one.type), '_value')}"


def _takes(type_: str, found: str) -> bool:
    """Whether what was found can be cast to the type that a name says, without loss."""
    if type_ == "varchar" or type_ == found:
        return True
    order = ("integer", "bigint", "decimal")
    return base(type_) in order and base(found) in order and order.index(base(found)) < order.index(base(type_))


def _raw_column(one: Judged, name: str) -> RawColumn:
    conventions = load_conventions()
    kind = conventions.kind_of(name)
    type_ = conventions.types[kind].type if kind else one.type
    quoted = one.name if re.fullmatch(r"[a-z_][a-z0-9_]*", one.name) else '"' + one.name.replace('"', '""') + '"'
    description = "TODO: what it means, with its unit."
    if one.column.nulls:
        description += f" NULL in {one.column.nulls / max(one.column.count, 1):.1%} of the rows."
    contract = {"description": description} | ({} if kind else {"type": type_})
    notes = tuple(line for doubt in one.doubts for line in wrap(f"TODO: {one.name}: {doubt}.", _LINE))
    return RawColumn(name, f"cast({quoted} as {type_})", type_, contract if len(contract) > 1 else description, notes)


def _key(found: Profile, names: dict[str, str]) -> tuple[list[str], list[str]]:
    if not found.keys:
        return [], [f"TODO: no three columns tell one of the first {found.key_rows:,} rows from another: number them by content."]
    first, *others = found.keys
    notes = [
        f"TODO: {' and '.join(first)} told each of the first {found.key_rows:,} rows from the others: whether it always does."
    ]
    if others:
        notes.append(f"So did {'; '.join(' and '.join(one) for one in others[:5])}.")
    return [names[name] for name in first], notes


def _ingest(found: Profile, key: tuple[str, ...]) -> Iterator[str]:
    """How the file is read, in lines of source.yml."""
    written = found.written
    yield f"pattern: {in_yaml(written.pattern)}"
    yield f"format: {written.format}"
    yield from _day(found)
    if written.format != "parquet":
        if written.encoding != "utf-8":
            yield from _doubted(found, "encoding", written.encoding)
        if written.delimiter != "," or "delimiter" in written.doubts:
            yield from _doubted(found, "delimiter", written.delimiter)
        if found.decimal_separator != ".":
            yield 'decimal_separator: ","'
    if markers := found.null_markers:
        for marker, columns in markers.items():
            yield from _comment(
                f"{marker!r} stands in {', '.join(columns)}: not given, or a value? If it is one, take it off the list."
            )
        yield f"null_markers: {in_yaml(list(markers))}"
    if any("no offset" in doubt for one in found.columns for doubt in one.doubts):
        yield from _comment("moments have no offset: where is the clock that wrote them? UTC, or such as Europe/Berlin.")
        yield "zone: UTC"
    if key:
        yield f"key: {in_yaml(list(key))}"
    if codes := found.currency_codes:
        yield from _comment(
            f"{', '.join(one.name for one in codes)} may be a currency: then `immutable` holds a record to its own."
        )
    if columns := found.currency_columns:
        yield from _comment(
            f"{len(columns)} columns are called like currencies: a row for each is what raw.exchange_rates asks for."
        )


def _day(found: Profile) -> Iterator[str]:
    """What tells the day of a row."""
    days = found.days
    if found.written.names_day:
        if days:
            names = ", ".join(one.name for one in days)
            yield from _comment(
                f"{names} tells days too: `moment: {days[0].name}` puts a record on the day on which it happened."
            )
        return
    seconds = found.seconds
    if not days and not seconds:
        yield from _comment(
            "no column tells a day: as it is found the file is the snapshot of the day that is read. Or name `day`."
        )
        yield "undated: true"
        return
    chosen, *others = [*days, *seconds]
    if others:
        yield from _comment(f"the day of a row is told by {chosen.name}, or by {', '.join(one.name for one in others)}.")
    yield f"day: {in_yaml(chosen.name)}"
    if chosen.day_format:
        if len(forms := chosen.column.day_formats) > 1:
            yield from _comment(f"{chosen.name} can be read as {' or as '.join(map(in_yaml, forms))}.")
        yield f"day_format: {in_yaml(chosen.day_format)}"


def _doubted(found: Profile, name: str, value: str) -> Iterator[str]:
    if doubt := found.written.doubts.get(name):
        yield from _comment(f"{name}: {doubt}.")
    yield f"{name}: {in_yaml(value)}"


def _comment(text: str) -> Iterator[str]:
    """What somebody has to decide, in lines of YAML."""
    yield from (f"# {line}" for line in wrap(f"TODO: {text}", _LINE))
