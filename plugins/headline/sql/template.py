"""Jinja in SQL files: the interval and the few settings that a query may ask for."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from headline import settings
from headline.errors import SpecError
from headline.intervals import Interval
from headline.specs.files import file_state

if TYPE_CHECKING:
    from jinja2 import Environment, Template


def render(text: str, interval: Interval, where: str, **names: object) -> str:
    """Fill in `start`, `end` (half-open ISO dates), `ds` (= start), the reporting settings, and the `names` given besides.

    Other files below include/sql, or below sources that stand elsewhere, can be included. Raises SpecError where a name is
    unknown or the template is broken.
    """
    known = settings.load()
    names = {
        "start": interval.start.isoformat(),
        "end": interval.end.isoformat(),
        "ds": interval.start.isoformat(),
        "reporting_currency": known.reporting_currency,
        "reporting_zone": known.reporting_zone,
        **names,
    }
    try:
        return _template(_environment(), text).render(names)
    except Exception as error:  # a macro called wrongly raises TypeError: it is the author's to fix
        raise SpecError([f"{where}: {error}; a template may use {', '.join(names)}"]) from None


@cache  # a task renders what its scheduler has compiled before the fork
def _template(environment: Environment, text: str) -> Template:
    return environment.from_string(text)


def included_files(text: str) -> dict[str, str] | None:
    """The files that a template imports or includes, directly or through others: their texts by name.

    None where that cannot be said before it is rendered: a name is computed, or the template is broken.
    """
    found: dict[str, str] = {}
    new = [text]
    while new:
        if (names := _names_included(new.pop())) is None:
            return None
        for name in names - set(found):
            if (source := _source(name)) is None:
                return None
            found[name] = source
            new.append(source)
    if any(_SEEN.get(name, source) != source for name, source in found.items()):
        _environment.cache_clear()  # what a template imports is kept with it, whatever becomes of the file
    _SEEN.update(found)
    return found


def forget_templates() -> None:
    """What templates include is looked for again, where the settings lead by now."""
    _environment.cache_clear()
    _SEEN.clear()


_SEEN: dict[str, str] = {}


@cache
def _names_included(text: str) -> frozenset[str] | None:
    from jinja2 import TemplateError, meta

    try:
        names = frozenset(meta.find_referenced_templates(_environment().parse(text)))
    except TemplateError:
        return None
    return None if None in names else frozenset(name for name in names if name is not None)


def _source(name: str) -> str | None:
    """The text of a file below include/sql or the sources; None where there is no such file."""
    known = settings.load()
    return next((text for folder in (known.sql, known.sources) if (text := text_of(folder / name)) is not None), None)


# What a file said when it was last read: the checks of each table import the same few files.
_READ: dict[Path, tuple[object, str]] = {}


def text_of(file: Path) -> str | None:
    """The text of a file, read again where it was rewritten; None where there is no such file."""
    state = file_state(file)
    if state is None:
        return None
    known = _READ.get(file)
    if known is None or known[0] != state:
        known = _READ[file] = (state, file.read_text())
    return known[1]


@cache
def _environment() -> Environment:
    from jinja2 import FileSystemLoader, StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    known = settings.load()
    loader = FileSystemLoader([known.sql, known.sources])
    return SandboxedEnvironment(undefined=StrictUndefined, loader=loader, keep_trailing_newline=True)
