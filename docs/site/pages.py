"""Hooks of mkdocs: pages made of specs, contracts, macros, commands and settings; links between files lead to pages."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import typer.main
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from headline import cli, settings, specs
from headline.runbooks import without_markers
from headline.runbooks.markdown import anchor, code, link, table
from headline.specs import Catalog, Pipeline, Table, load_contract

ROOT = Path(__file__).resolve().parents[2]
# What a link in the text looks like: the text, and where it leads; also in an <img>.
_LINK = re.compile(r"(?P<before>\]\(|src=\")(?P<target>[^)\s\"]+)(?P<after>\)|\")")
_COMMENT = r"\{#-?(?P<comment>(?:(?!#\}).)*?)-?#\}"
_FILE_COMMENT = re.compile(rf"\A{_COMMENT}", re.DOTALL)
_MACRO = re.compile(rf"(?:{_COMMENT}\s*)?\{{%-?\s*macro (?P<call>[a-z]\w*\(.*?\))\s*-?%\}}", re.DOTALL)
_ARGUMENT = re.compile(r"^(\w+) {2,}(?=\S)", re.MULTILINE)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made of other files of the repository."""
    for address, make in _pages():
        files.append(File.generated(config, address, content=make()))
    return files


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """A folder in the navigation stands for all of its pages."""
    made = [address for address, _ in _pages()]
    written = [file.relative_to(ROOT / "docs").as_posix() for file in sorted((ROOT / "docs").rglob("*.md"))]

    def listed(entry: Any) -> Any:
        if isinstance(entry, dict):
            return {title: listed(below) for title, below in entry.items()}
        if isinstance(entry, list):
            return [listed(one) for one in entry]
        return [name for name in sorted([*made, *written]) if name.startswith(entry)] if entry.endswith("/") else entry

    config.nav = listed(config.nav)
    config.mdx_configs["toc"]["slugify"] = _slug
    return config


def _slug(title: str, separator: str) -> str:  # noqa: ARG001 (mkdocs gives it)
    return anchor(title)


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:  # noqa: ARG001 (mkdocs gives it)
    """Links to files of the repository lead to their pages; of one that has no page, the path is shown instead."""
    origin = _FILES.get(page.file.src_uri, f"docs/{page.file.src_uri}")

    def target(found: re.Match[str]) -> str:
        path, mark, fragment = found["target"].partition("#")
        if not path or "://" in path:
            return found[0]
        file = posixpath.normpath(posixpath.join(posixpath.dirname(origin), path))
        address = _PAGES.get(file) or (file.removeprefix("docs/") if file.startswith("docs/") else None)
        if address is None or files.get_file_from_path(address) is None:
            if (ROOT / file).is_dir() and (inside := _first_of(address or "", files)):
                address = inside
            else:
                return f"{found['before']}{_NOWHERE}{found['after']}"
        return (
            found["before"]
            + posixpath.relpath(address, posixpath.dirname(page.file.src_uri) or ".")
            + mark
            + fragment
            + found["after"]
        )

    linked = _UNLINKED.sub(r"\g<text>", _LINK.sub(target, without_markers(markdown)))
    return _IN_LIST.sub("    ", linked)


# What goes on with a numbered item is indented by 3 here, as on GitHub; mkdocs asks for 4.
_IN_LIST = re.compile(r"^ {3}(?! )", re.MULTILINE)
_NOWHERE = "NOWHERE"
_UNLINKED = re.compile(rf"\[(?P<text>[^\]]*)\]\({_NOWHERE}\)")


def _first_of(folder: str, files: Files) -> str | None:
    return next((file.src_uri for file in files if folder and file.src_uri.startswith(folder.rstrip("/") + "/")), None)


def _pages() -> Iterator[tuple[str, Callable[[], str]]]:
    """The address of each generated page, and what makes its Markdown."""
    for address, file in _FILES.items():
        yield address, lambda file=file: (ROOT / file).read_text()  # type: ignore[misc]
    catalog = specs.load_sound()
    yield "reference/commands.md", commands
    yield "reference/settings.md", variables
    yield "reference/macros.md", macros
    for one in catalog.tables.values():
        yield f"reference/tables/{one.full_name}.md", lambda one=one: contract(one, catalog)  # type: ignore[misc]


def _copied() -> Iterator[tuple[str, str]]:
    """The pages that are files outside of docs: their addresses, and where they stand."""
    yield from (("index.md", "README.md"), ("changelog.md", "CHANGELOG.md"), ("contributing.md", "CONTRIBUTING.md"))
    for file in sorted((ROOT / "examples").glob("*/README.md")):
        yield f"examples/{file.parent.name}.md", file.relative_to(ROOT).as_posix()
    for file in sorted((ROOT / "include/sql").rglob("RUNBOOK.md")):
        yield f"runbooks/{file.parent.name}.md", file.relative_to(ROOT).as_posix()


_FILES = dict(_copied())
_PAGES = {file: address for address, file in _FILES.items()} | {
    one.contract_file.relative_to(ROOT).as_posix(): f"reference/tables/{one.full_name}.md"
    for one in specs.load_sound().tables.values()
}


def commands() -> str:
    """Every command with what it does, its arguments and options, from the commands themselves."""
    root = typer.main.get_command(cli.app)
    return "\n\n".join(["# Commands", *_described(root, "headline")])


def _described(command: Any, name: str) -> Iterator[str]:
    context = command.make_context(name, [], resilient_parsing=True)
    if hasattr(command, "list_commands"):
        for below in command.list_commands(context):
            yield from _described(command.get_command(context, below), f"{name} {below}")
        return
    yield f"## {name}"
    yield command.get_short_help_str(1000)
    yield "    " + " ".join([name, *command.collect_usage_pieces(context)])
    records = [record for parameter in command.params if (record := parameter.get_help_record(context))]
    if records:
        yield table(["option", "meaning"], [(code(option.replace("|", ", ")), meaning) for option, meaning in records])


def variables() -> str:
    """Every setting with its default, from the settings themselves."""
    rows = [
        (code(settings.variable(name)), _default(name, field.default), f"{said[:1].upper()}{said[1:]}.")
        for name, field in settings.Settings.model_fields.items()
        for said in [field.description or ""]
    ]
    about = (
        "A setting is a variable of the environment; one that is empty counts as missing. `make run` keeps it in `.headline/env`."
    )
    return "\n\n".join(["# Settings", about, table(["variable", "default", "meaning"], rows)])


def _default(name: str, value: object) -> str:
    derived = {
        "home": ".headline",
        "developer": "$USER",
        "include": "include",
        "sources": "$HEADLINE_INCLUDE/sql/sources",
        "landing": "$HEADLINE_HOME/landing",
    }
    shown = derived.get(name) or ("" if value in ("", None, frozenset()) else str(value))
    return code(shown) if shown else ""


def macros() -> str:
    """Every macro with its arguments and its comment, by file."""
    parts = ["# Macros", "SQL that tables and checks share. Import it `with context` where the comment says so."]
    for file in sorted((ROOT / "include/sql").glob("*/*.jinja")):
        text = file.read_text()
        found = list(_MACRO.finditer(text))
        parts.append(f"## {file.parent.name}/{file.name}")
        if (about := _FILE_COMMENT.match(text)) and found[0].start() > 0:
            parts.append(_comment(about["comment"]))
        for macro in found:
            parts += [f"### `{macro['call']}`", _comment(macro["comment"] or "")]
    return "\n\n".join(parts)


def _comment(text: str) -> str:
    return _ARGUMENT.sub(r"- `\1`: ", text.strip())


def contract(one: Table, catalog: Catalog) -> str:
    """What a table is: its grain, columns and checks, what it reads, and who reads it."""
    promised = load_contract(one)
    pipeline: Pipeline = catalog.makers[one.full_name]
    readers = sorted(other.full_name for other in catalog.tables.values() if one.full_name in other.reads)
    return "\n\n".join(
        [
            f"# {one.full_name}",
            promised.description,
            table(
                ["", ""],
                [
                    ("Pipeline", link(pipeline.id, f"../../runbooks/{pipeline.id}.md")),
                    ("Grain", f"one row per {', '.join(map(code, one.key))}" if one.key else ""),
                    ("Reads", ", ".join(_table_link(name, catalog) for name in one.reads)),
                    ("Read by", ", ".join(_table_link(name, catalog) for name in readers)),
                ],
            ),
            "## Columns",
            table(
                ["column", "type", "meaning"],
                [(code(column.name), column.sql_type, column.meaning) for column in promised.columns],
            ),
            "## Checks",
            table(
                ["check", "dimension", "on", "when it fails"],
                [
                    (
                        check.name,
                        check.dimension,
                        code(check.column) if check.column else "the table",
                        "warns" if check.warns else "blocks",
                    )
                    for check in promised.listed_checks
                ],
            ),
        ]
    )


def _table_link(name: str, catalog: Catalog) -> str:
    return link(name, f"{name}.md") if name in catalog.tables else code(name)
