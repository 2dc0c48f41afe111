"""The rules for a runbook and the page of an alert: required parts, and no part that belongs to nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from headline.runbooks.checks import listed_checks
from headline.runbooks.document import dead_links, parts, sections
from headline.runbooks.generate import generated_parts
from headline.specs import Catalog, Pipeline

# The same in every runbook, so that people on call know where to look.
HEADINGS = [
    "On call",
    "Look at the data",
    "What can go wrong",
    "When a check fails",
    "Backfill",
    "False alarms",
    "Past incidents",
    "Data",
]
CHECKS = "When a check fails"


def faults(pipeline: Pipeline, catalog: Catalog) -> Iterator[str]:
    """What is wrong with a pipeline's runbook, a line each: what is missing, empty, superfluous or stale."""
    if not pipeline.runbook_file.is_file():
        yield "is missing: `headline runbooks` begins one"
        return
    text = pipeline.runbook_file.read_text()
    yield from page_faults(text, pipeline.id, HEADINGS, generated_parts(pipeline, catalog, text), pipeline.runbook_file.parent)
    yield from _checks(pipeline, text)


def page_faults(text: str, title: str, headings: Sequence[str], generated: Mapping[str, str], folder: Path) -> Iterator[str]:
    """What is wrong with a page in `folder`: its title and headings, empty sections, stale parts, links that lead nowhere."""
    found = sections(text)
    if [section.title for section in found if section.level == 1] != [title]:
        yield f"does not begin with the one title # {title}"
    if (titles := [section.title for section in found if section.level == 2]) != list(headings):
        yield f"has the headings {', '.join(titles) or 'none'}; they must be {', '.join(headings)}"
    yield from (f"«{section.title}» is empty" for section in found if not section.text)
    there = parts(text)
    for name, body in generated.items():
        if name not in there:
            yield f"has no part <!-- generated: {name} -->"
        elif there[name] != body.strip():
            yield f"the part «{name}» is stale: run `headline runbooks`"
    yield from (f"the part «{name}» is none that is generated" for name in there.keys() - generated.keys())
    yield from (f"links to {target}, which does not exist" for target in dead_links(text, folder))


def _checks(pipeline: Pipeline, text: str) -> Iterator[str]:
    below = next((section.text for section in sections(text) if section.title == CHECKS), "")
    described = [section.title for section in sections(below)]
    names = {check.name for check in listed_checks(pipeline)}
    for title in described:
        if title not in names:
            yield f"«{CHECKS}» has a section «{title}», but no check is called so: rename or remove it"
