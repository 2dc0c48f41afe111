"""Style of SQL and YAML, by sqlfluff and yamllint with the repository's own settings; both come with the developer's packages."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from pathlib import Path

from headline import settings
from headline.sql.template import included_files

Lines = list[str]
PROCESSES = 2  # a parser of SQL in Python takes seconds for a long SELECT


def is_installed() -> bool:
    """Whether the developer's packages are there."""
    try:
        return bool(version("sqlfluff") and version("yamllint"))
    except PackageNotFoundError:
        return False


@contextmanager
def sql_style(files: Iterable[Path]) -> Iterator[dict[Path, Lines]]:
    """Begin to look at SQL files beside other work; on leaving, the dictionary has what is wrong with each file.

    A file that was sound is not looked at again before it, what it includes or the settings change.
    """
    found: dict[Path, Lines] = {}
    keys = {file: _key(file) for file in files}
    sound = _Sound()
    new = [file for file, key in keys.items() if key not in sound.keys]
    if not new:
        yield found
        return
    largest_first = sorted(new, key=lambda file: -file.stat().st_size)
    with ProcessPoolExecutor(min(PROCESSES, len(new)), get_context("spawn")) as pool:
        told = {file: pool.submit(_sql_faults, file) for file in largest_first}
        yield found
        found |= {file: told[file].result() for file in new}
    sound.add(keys[file] for file in new if not found[file])


def yaml_style(file: Path) -> Iterator[str]:
    """What yamllint finds, a line each; what is no YAML at all is told by others."""
    from yamllint import linter
    from yamllint.config import YamlLintConfig

    config = YamlLintConfig(file=str(_root() / ".yamllint"))
    for problem in linter.run(file.read_text(), config, str(file)):
        if problem.rule:
            yield f"line {problem.line}: {problem.desc} ({problem.rule})"


def _sql_faults(file: Path) -> Lines:
    from sqlfluff.core import FluffConfig, Linter

    os.chdir(_root())  # its settings name folders from there
    linted = Linter(config=FluffConfig.from_path(str(file))).lint_paths((str(file),))
    return [f"line {fault.line_no}: {fault.desc()} ({fault.rule_code()})" for fault in linted.get_violations()]


def _root() -> Path:
    """The folder with the settings: that of `include`, else the project's."""
    around = settings.load().include.parent
    return around if (around / ".sqlfluff").is_file() else settings.PROJECT


def _key(file: Path) -> str:
    text = file.read_text()
    parts = [version("sqlfluff"), (_root() / ".sqlfluff").read_text(), text, *map(str, sorted((included_files(text) or {}).items()))]
    return sha256("\0".join(parts).encode()).hexdigest()


class _Sound:
    """The keys of files that were found sound, kept in Headline's home."""

    def __init__(self) -> None:
        self._file = settings.load().home / "check" / "sound_sql"
        self.keys = set(self._file.read_text().split()) if self._file.is_file() else set()

    def add(self, keys: Iterable[str]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        with self._file.open("a") as file:
            file.writelines(f"{key}\n" for key in keys)
