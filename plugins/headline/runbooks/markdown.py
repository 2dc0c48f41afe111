"""Markdown helpers for the generated parts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import timedelta


def code(text: str) -> str:
    return f"`{text}`"


def link(text: str, target: str) -> str:
    return f"[{text}]({target})"


def table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table, a line a row; what is empty stays so."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", r"\|") for cell in line) + " |" for line in lines)


def bullets(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def duration(delay: timedelta) -> str:
    """In minutes, or in hours where they are whole."""
    hours, seconds = divmod(delay.total_seconds(), 3600)
    return f"{delay.total_seconds() / 60:.0f} minutes" if seconds else f"{hours:.0f} hours"


def anchor(title: str) -> str:
    """The anchor of a heading, as GitHub and GitLab make it."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")
