"""Markdown files of the repository as HTML: links lead to the pages that show their targets, tables scroll, long parts fold."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from headline.runbooks import anchor, without_markers

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

FOLDED = "h4"  # what stands below such a heading, up to the next heading, is shown when it is asked for


def to_html(file: Path) -> str:
    """The content of a Markdown file as HTML. HTML in it is shown, not obeyed."""
    markdown = _markdown()
    tokens = markdown.parse(without_markers(file.read_text()))
    for position, token in enumerate(tokens):
        if token.type == "heading_open":
            token.attrSet("id", anchor(tokens[position + 1].content))
        if token.children:
            token.children = list(_linked(token.children, file.parent))
    return markdown.renderer.render(list(_folded(tokens)), markdown.options, {})


def text_to_html(text: str) -> str:
    """Markdown that was written by a program as HTML; HTML in it is shown, not obeyed."""
    return str(_markdown().render(text))


def page_of(target: str, folder: Path) -> str | None:
    """Where a link from a file in `folder` leads when it is followed from a page; None where no page shows its target."""
    path, mark, fragment = target.partition("#")
    if not path or "://" in path:
        return target
    file = (folder / path).resolve()
    if file.name == "RUNBOOK.md":
        page = f"../runbooks/{file.parent.name}"
    elif file.name.endswith(".contract.yml"):
        page = f"../contracts/{file.parent.name}/{file.name.removesuffix('.contract.yml')}"
    elif file.parent.name == "alerts":
        page = f"../alerts/{file.stem}"
    else:
        return None
    return page + mark + fragment


def _linked(tokens: Sequence[Token], folder: Path) -> Iterator[Token]:
    """The tokens of a line with their links as a page needs them; of a link that leads nowhere from there only the text stays."""
    is_dropped = False
    for token in tokens:
        if token.type == "link_open":
            target = page_of(str(token.attrGet("href")), folder)
            is_dropped = target is None
            token.attrSet("href", target or "")
        if not (is_dropped and token.type.startswith("link_")):
            yield token


def _folded(tokens: Sequence[Token]) -> Iterator[Token]:
    from markdown_it.token import Token

    is_open = False
    for token in tokens:
        if is_open and token.type == "heading_open":
            yield Token("html_block", "", 0, content="</details>\n")
            is_open = False
        folds = token.tag == FOLDED and token.type.startswith("heading")
        if folds and token.type == "heading_open":
            yield Token("html_block", "", 0, content="<details><summary>")
        yield token
        if folds and token.type == "heading_close":
            yield Token("html_block", "", 0, content="</summary>\n")
            is_open = True
    if is_open:
        yield Token("html_block", "", 0, content="</details>\n")


@cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt

    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    markdown.add_render_rule("table_open", lambda *_: '<div class="scroll" tabindex="0" role="region" aria-label="Table"><table>')
    markdown.add_render_rule("table_close", lambda *_: "</table></div>")
    return markdown
