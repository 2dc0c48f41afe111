"""Commands that a page asks somebody to paste, and whether they would work."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from typing import Any

import duckdb
from typer.exceptions import TyperException
from typer.main import get_command

from headline.cli import app
from headline.specs import Catalog

FENCE = re.compile(r"^ *```bash\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


@cache
def cached_command() -> Any:
    """What `headline` knows: to build it takes as long as to look at a page."""
    return get_command(app)


def commands(text: str) -> list[list[str]]:
    """Every line that a page shows as to be pasted, in words."""
    return [shlex.split(line) for block in FENCE.findall(text) for line in block.splitlines()]


def _is_whole(group: Any, rest: list[str]) -> bool:
    """Whether a group of commands is itself the command, such as `headline figures --first`."""
    return bool(group.invoke_without_command) and (not rest or rest[0].startswith("-"))


def command_faults(words: list[str], catalog: Catalog, warehouse: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Why a command would not work: it does not exist, has no such option, or asks for what the warehouse does not know."""
    program, *rest = words
    command: Any = cached_command() if program == "headline" else None
    try:
        while hasattr(command, "commands") and not _is_whole(command, rest):
            command = command.commands[rest.pop(0)]
        values = command.make_context(program, list(rest)).params
    except (AttributeError, KeyError, TyperException) as error:
        yield f"{' '.join(words)}: there is no such command: {error}"
        return
    try:
        if sql := values.get("sql"):
            warehouse.execute(sql)
    except duckdb.Error as error:
        yield f"{sql}: {error}"
    pipelines = [*values.get("pipelines", ()), *filter(None, [values.get("pipeline")])]
    yield from (f"{' '.join(words)}: there is no pipeline {name}" for name in pipelines if name not in catalog.pipelines)
    if (table := values.get("table")) and table not in catalog.tables:
        yield f"{' '.join(words)}: there is no table {table}"
