"""The documentation says what is true: its commands work, its links lead somewhere, no key and no macro is left out."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from pydantic import BaseModel
from tests.repository.commands import command_faults
from tests.repository.written import ROOT

from headline import runbooks, specs
from headline.rules.golden import Expected
from headline.specs.exports import DatabaseTable, Export, ExportColumn, Files, Labels, Personal, Receiver, Webhook
from headline.specs.written import WrittenCheck, WrittenColumn, WrittenContract

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs/decisions").glob("*.md")),
]
PASTED = re.compile(r"^(?: {4}|)(?:\.venv/bin/)?(?P<command>(?:headline|make) [^\n]*)$", re.MULTILINE)
LINK = re.compile(r"\]\((?P<target>[^)\s]+)\)|src=\"(?P<source>[^\"]+)\"")
MACRO = re.compile(r"(?P<comment>#\}\s*)?\{%-?\s*macro (?P<name>[a-z]\w*)\(")
# Pages that add a pipeline make one that does not exist yet.
MADE_BY_TUTORIAL = ("daily_refunds", "profit.refunds", "platform_sessions", "sessions_by_platform")


def pasted(text: str) -> list[str]:
    """Every command that a page shows, without what a shell adds to it."""
    return [re.split(r" +# | \|\| |; ", found["command"])[0].strip() for found in PASTED.finditer(text)]


def targets() -> set[str]:
    return {line.partition(":")[0] for line in (ROOT / "Makefile").read_text().splitlines() if re.match(r"[a-z-]+:", line)}


def faults_of(command: str, warehouse: duckdb.DuckDBPyConnection) -> Iterator[str]:
    words = shlex.split(command)
    if words[0] == "make":
        yield from (
            f"make {word}: no such target" for word in words[1:] if "=" not in word and word not in {"&&", "make"} | targets()
        )
    else:
        yield from command_faults(words, specs.load(), warehouse)


def test_the_readme_is_one_page() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_a_page_shows_work(page: Path, warehouse: duckdb.DuckDBPyConnection) -> None:
    found = [one for one in pasted(page.read_text()) if "…" not in one and "<" not in one]
    faults = [fault for one in found for fault in faults_of(one, warehouse)]
    assert [fault for fault in faults if not any(name in fault for name in MADE_BY_TUTORIAL)] == []


def test_enough_commands_were_looked_at() -> None:
    assert sum(len(pasted(page.read_text())) for page in PAGES) > 40


@pytest.mark.parametrize("command", ["headline unpublish shop", "make nothing", "headline trigger shop --since 2026-01-01"])
def test_a_command_that_does_not_work_is_caught(command: str, warehouse: duckdb.DuckDBPyConnection) -> None:
    [found] = pasted(f"Type\n\n    .venv/bin/{command}    # so\n" if command.startswith("headline") else f"    {command}\n")
    assert list(faults_of(found, warehouse))


def dead_links(page: Path) -> list[str]:
    found = (match["target"] or match["source"] for match in LINK.finditer(page.read_text()))
    files = (target.partition("#")[0] for target in found if "://" not in target)
    return [file for file in files if file and not (page.parent / file).exists()]


@pytest.mark.parametrize("page", [*PAGES, *sorted((ROOT / "examples").glob("*/README.md"))], ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    assert dead_links(page) == []


def test_a_dead_link_is_caught(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text('See [here](no_such.md#part) and <img src="no.png">, not [there](https://example.com)')
    assert dead_links(page) == ["no_such.md", "no.png"]


@pytest.mark.parametrize(
    ("page", "model"),
    [
        ("pipelines.md", specs.Pipeline),
        ("pipelines.md", specs.Table),
        ("pipelines.md", specs.Window),
        ("pipelines.md", specs.Coverage),
        *(("adding_a_pipeline.md", model) for model in (WrittenContract, WrittenColumn, WrittenCheck, Expected)),
        ("pipelines.md", Expected),
        *(("exports.md", kind) for kind in (Export, ExportColumn, Personal, Labels, Files, Webhook, DatabaseTable, Receiver)),
        *(("sources.md", kind) for kind in (specs.DatabaseIngest, specs.HttpIngest, specs.FilesIngest, specs.StreamIngest)),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else value,
)
def test_every_key_is_documented(page: str, model: type[BaseModel]) -> None:
    text = (ROOT / "docs" / page).read_text()
    assert [key for key in model.model_fields if not re.search(rf"\b{key}\b", text)] == []


@pytest.mark.parametrize("file", sorted((ROOT / "include/sql").glob("*/*.jinja")), ids=lambda file: file.name)
def test_every_macro_says_what_it_is_for(file: Path) -> None:
    text = file.read_text()
    macros = list(MACRO.finditer(text))
    assert macros
    # The comment at the beginning of a file is also that of its first macro.
    assert [one["name"] for one in macros[1:] if not one["comment"]] == []
    assert text.startswith("{#")


def test_owners_of_code_are_those_of_the_team() -> None:
    assert runbooks.CODEOWNERS.read_text() == runbooks.codeowners(), "run `headline runbooks`"
