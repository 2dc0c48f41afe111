"""All that is wrong with folders, at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from headline import settings
from headline.errors import BadRequest
from headline.rules import style
from headline.rules.fault import Fault, faults_of, shown
from headline.specs import load_understood, pipeline_folders

SHARED = ("macros", "checks", "templates")
WITHOUT_PIPELINES = (*SHARED, "sources", "exports")
SPECS = ("pipeline.yml", "source.yml")


def find_folders(*names: str) -> list[Path]:
    """The folders called `<area>/<pipeline>`, by their paths or by those of files in them or of their golden cases; else all.

    A file that is of no one folder, such as a macro, is of all. Raises BadRequest where there is none of a name.
    """
    known = settings.load()
    places = [_place(name) for name in names]
    if not places or None in places:
        areas = [area for area in known.sql.iterdir() if area.is_dir() and area.name not in WITHOUT_PIPELINES]
        return sorted({*pipeline_folders(), *(folder for area in areas for folder in area.iterdir() if folder.is_dir())})
    return sorted({_folder(place) for place in places if place})


def _place(name: str) -> str | None:
    """What a name, or the path of a file, means as `<area>/<pipeline>`; none where the file is of all folders."""
    known, path = settings.load(), Path(name).absolute()
    for above in (known.include.parent / "tests" / "sql", known.sql):
        if path.is_file() and path.is_relative_to(above.absolute()):
            area, *below = path.relative_to(above.absolute()).parts
            return f"{area}/{below[0]}" if len(below) > 1 and area not in SHARED else None
    return name


def _folder(name: str) -> Path:
    known, parts = settings.load(), Path(name).parts[-2:]
    folder = known.source(parts[-1]) if parts[0] == "sources" else known.sql.joinpath(*parts)
    if len(parts) < 2 or not folder.is_dir():
        there = ", ".join(f"{one.parent.name}/{one.name}" for one in pipeline_folders())
        raise BadRequest(f"include/sql has no folder {name}; there are: {there}")
    return folder


def check(wanted: Sequence[Path]) -> dict[Path, list[Fault]]:
    """Every fault of each folder, each once, the spec's first and those of golden cases last."""
    wanted = [folder.absolute() for folder in wanted]  # as sqlfluff tells its files
    files = [file for folder in wanted for file in sorted(folder.glob("*.sql"))]
    sql_style = style.SqlStyle(files) if style.is_installed() else None
    from headline.rules.content import content_faults  # what it imports takes a second, in which sqlfluff is at work

    catalog = load_understood()
    found = {folder: [*content_faults(folder, catalog), *_yaml_faults(folder)] for folder in wanted}
    for file, told in (sql_style.faults() if sql_style else {}).items():
        is_told = any(fault.file == shown(file) for fault in found[file.parent])
        texts = [text for code, text in told if not (is_told and code in style.UNREADABLE)]
        found[file.parent] += faults_of(file, texts)
    return {folder: sorted(dict.fromkeys(faults), key=_position(folder)) for folder, faults in found.items()}


def written(folder: Path, faults: Sequence[Fault]) -> Iterator[str]:
    """The faults as lines: a line for each file, its faults below."""
    if not faults:
        yield f"{shown(folder)}: no faults"
    for file, of_file in groupby(faults, key=lambda fault: fault.file):
        yield file
        for fault in of_file:
            yield "  - " + fault.text.replace("\n", "\n    ")


def _yaml_faults(folder: Path) -> Iterator[Fault]:
    for file in sorted(folder.glob("*.yml")) if style.is_installed() else ():
        yield from faults_of(file, style.yaml_faults(file))


def _position(folder: Path) -> Callable[[Fault], tuple[bool, bool, str]]:
    """The spec first, golden cases last."""
    here = f"{shown(folder)}/"
    return lambda fault: (not fault.file.startswith(here), not fault.file.endswith(SPECS), fault.file)
