"""A fault, and the file that it is to be fixed in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from headline import settings


class Fault(NamedTuple):
    """One fault: the file that is to be edited, relative to the repository, and what is wrong."""

    file: str
    text: str


def faults_of(file: Path, texts: Iterable[str]) -> Iterator[Fault]:
    """The texts as faults of a file; one that names another file of the folder is that file's."""
    for text in texts:
        named, _, rest = text.partition(": ")
        other = file.parent / Path(named).name
        if "/" in named and other.parent.name == Path(named).parent.name and other.is_file():
            yield Fault(shown(other), rest)
        else:
            yield Fault(shown(file), text)


def shown(file: Path) -> str:
    root = settings.load().include.parent
    return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)
