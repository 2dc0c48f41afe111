"""A Markdown page with generated parts between markers; everything else is written by hand.

<!-- generated: facts -->
| Landing deadline | by 03:30 UTC |
<!-- end of generated -->
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from headline.runbooks.markdown import anchor

if TYPE_CHECKING:
    from markdown_it.token import Token

_END = "<!-- end of generated -->"
_PART = re.compile(rf"^<!-- generated: (?P<name>[\w ]+) -->\n(?P<body>.*?)^{_END}$", re.MULTILINE | re.DOTALL)
_MARKER = re.compile(rf"^(<!-- generated: [\w ]+ -->|{_END})\n", re.MULTILINE)


@dataclass(frozen=True)
class Section:
    """A heading and the text below it, up to the next heading of the same or a higher level."""

    level: int
    title: str
    text: str


def parts(text: str) -> dict[str, str]:
    """The current generated parts of a page by name."""
    return {found["name"]: found["body"].strip() for found in _PART.finditer(text)}


def replace_parts(text: str, new: Mapping[str, str]) -> str:
    """The page with its generated parts replaced; a part that is not in `new` stays."""

    def part(found: re.Match[str]) -> str:
        body = new.get(found["name"], found["body"]).strip()
        return "\n".join([f"<!-- generated: {found['name']} -->", *([body] if body else []), _END])

    return _PART.sub(part, text)


def without_markers(text: str) -> str:
    """The page without markers, for readers."""
    return _MARKER.sub("", text)


def without_generated(text: str) -> str:
    """The page with blank lines for its generated parts, so that the other lines keep their numbers."""
    return _PART.sub(lambda found: "\n" * found[0].count("\n"), text)


def sections(text: str) -> list[Section]:
    """All sections in order; a `#` within a block of code is none."""
    lines, tokens = text.splitlines(), _tokens(text)
    headings = [
        (int(token.tag[1]), tokens[position + 1].content, token.map)
        for position, token in enumerate(tokens)
        if token.type == "heading_open" and token.level == 0 and token.map
    ]
    found = []
    for position, (level, title, (_, begin)) in enumerate(headings):
        end = next((lines_of[0] for other, _, lines_of in headings[position + 1 :] if other <= level), len(lines))
        found.append(Section(level, title, without_markers("\n".join([*lines[begin:end], ""])).strip()))
    return found


def dead_links(text: str, folder: Path) -> Iterator[str]:
    """The links of a page in `folder` to files, or headings of them, that do not exist."""
    for token in _tokens(text):
        for child in token.children or []:
            target = str(child.attrGet("href") or "")
            path, _, heading = target.partition("#")
            if not target or "://" in target:
                continue
            content = text if not path else (folder / path).read_text() if (folder / path).is_file() else None
            if content is None or (heading and heading not in {anchor(section.title) for section in sections(content)}):
                yield target


@lru_cache(maxsize=64)
def _tokens(text: str) -> list[Token]:
    """Kept for a while: a page links to its own headings dozens of times, and each link is looked up."""
    from markdown_it import MarkdownIt

    return MarkdownIt("commonmark").enable("table").parse(text)
