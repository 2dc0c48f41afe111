"""The command that looks at a file and writes a first mapping of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def profile(
    file: Annotated[Path, typer.Argument(help="CSV, JSON lines or Parquet.")],
    source: Annotated[str, typer.Option(help="The source that it is of; the table's name if left out.")] = "",
    table: Annotated[str, typer.Option(help="The raw table that it becomes; the file's name if left out.")] = "",
    to: Annotated[
        Path | None,
        typer.Option(help="The folder of sources to write to, such as examples/<name>/sources; HEADLINE_SOURCES if left out."),
    ] = None,
    look: Annotated[bool, typer.Option("--look", help="Write nothing.")] = False,
) -> None:
    """Look at a file: what its columns hold and what is ambiguous. Write a first source.yml, mapping SQL and contract of it.

    All of it is read, within the limits of a source's day, and judged by the rules by which records are refused. What can be
    understood in several ways is marked with TODO, with the alternatives.
    """
    import re

    from headline import settings
    from headline.profile.look import look_at
    from headline.profile.mapping import raw_names, taken_over, write_mapping
    from headline.profile.result import profile as profile_of
    from headline.show import show

    found = profile_of(look_at(file))
    names, written = raw_names(found), found.written
    rows = [
        (
            one.name,
            names[one.name],
            one.type,
            f"{one.column.nulls / max(one.column.count, 1):.1%}" if one.column.nulls else None,
            "; ".join(one.doubts) or None,
        )
        for one in taken_over(found)
    ]
    show(["column", "becomes", "type", "null", "ambiguous"], rows, title=f"{file.name}: {found.row_count:,} rows")
    signs = "" if written.format == "parquet" else f", {written.encoding}"
    signs += f", delimiter {written.delimiter!r}, decimals with {found.decimal_separator!r}" if written.format == "csv" else ""
    print(f"read as: {written.format}{signs}")
    print(
        f"key: {' or '.join(' + '.join(one) for one in found.keys) or 'none of up to three columns'} (of {found.key_rows:,} rows)"
    )
    days = "the file's name" if written.names_day else ", ".join(one.name for one in [*found.days, *found.seconds])
    print(f"day: {days or 'nothing tells it'}")
    for key, doubt in written.doubts.items():
        print(f"ambiguous: {key}: {doubt}")
    if found.refused_count:
        print(f"{found.refused_count:,} line(s) are no records and would be refused")
    if look:
        return
    stem = re.sub(r"\W+|_?\{\{ ds \}\}", "_", written.pattern.partition(".")[0].casefold(), flags=re.ASCII).strip("_")
    table = table or stem
    draft = write_mapping(found, source or table, table, to or settings.load().sources)
    print("\n".join(draft.told()))
    folder = next(iter(draft.new)).parent
    print(f"next: HEADLINE_SOURCES={folder.parent} headline check sources/{folder.name}")


COMMANDS = (profile,)
