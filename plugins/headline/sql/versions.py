"""Which version of the code makes a table: a hash of all that its rows, and the verdict on them, follow from."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from functools import cache

from headline import settings
from headline.errors import SpecError
from headline.specs import Check, Table, load_contract
from headline.sql.template import included_files, text_of

# Comments and line breaks change no row; within quotes every sign counts.
_STRING_OR_SPACE = re.compile(r"('(?:[^']|'')*'|\"[^\"]*\")|(?:\s|--[^\n]*|/\*.*?\*/|\{#.*?#\})+", re.DOTALL)
_SIGNS = 16


def code_version(table: Table) -> str:
    """The hash of a table's SELECT, its columns and checks, every file that these include, and what their templates ask for.

    Comments, descriptions and settings that no template mentions are left out. Raises SpecError for files that cannot be read.
    """
    contract, known = load_contract(table), settings.load()
    if (text := text_of(table.sql_file)) is None:
        raise SpecError([f"{table.sql_file.name}: cannot be read; the folder {table.sql_file.parent} needs this file"])
    queries = "\n".join(str(check.body["query"]) for check in contract.checks_with_query)
    files = (included_files(text) or {}) | (included_files(queries) or {})
    texts = (text, queries, *(content for _, content in sorted(files.items())))
    may_ask = {"reporting_currency": known.reporting_currency, "reporting_zone": known.reporting_zone, **table.template_names}
    asked = [f"{name}={value}" for name, value in may_ask.items() if any(name in one for one in texts)]
    promised = [
        *((column.name, column.sql_type) for column in contract.columns),
        *((check.path, check.dimension, _judged_by(check)) for check in contract.listed_checks),
    ]
    stated = [table.full_name, table.key, table.period, table.quarantine, asked, promised]
    return _hash((*map(_essence, texts), json.dumps(stated, default=str, sort_keys=True)))


def code_versions(tables: Iterable[Table]) -> dict[str, str]:
    """The version of each table by name; one whose files are faulty is left out."""
    found = {}
    for table in tables:
        try:
            found[table.full_name] = code_version(table)
        except SpecError:
            continue
    return found


def _judged_by(check: Check) -> dict[str, object]:
    """What decides the outcome of a check besides its query."""
    return {name: part for name, part in check.body.items() if name not in ("query", "attributes")}


@cache  # a task asks for what its scheduler has read before the fork
def _essence(text: str) -> str:
    return _STRING_OR_SPACE.sub(lambda match: match[1] or " ", text).strip()


def _hash(parts: tuple[str, ...]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:_SIGNS]
