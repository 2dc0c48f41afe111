"""The pages of docs/alerts: one for each kind of alert, called like it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from headline import settings
from headline.incidents.kinds import KINDS, REARM_AFTER, Kind
from headline.runbooks.document import replace_parts
from headline.runbooks.markdown import duration, table
from headline.runbooks.rules import page_faults

ALERT_PAGES = settings.PROJECT / "docs" / "alerts"
HEADINGS = ["Meaning", "Impact", "Next steps", "When to escalate", "Typical causes", "False alarms", "When it is resolved"]
PART = "kind"


def regenerated_alert(file: Path) -> str:
    """The page of a kind with its generated part up to date."""
    return replace_parts(file.read_text(), {PART: _generated(KINDS[file.stem])} if file.stem in KINDS else {})


def alert_faults(pages: Path = ALERT_PAGES) -> Iterator[str]:
    """What is wrong with the pages, a line each: a kind without one, a page without a kind, what is empty or stale in one."""
    files = {file.stem: file for file in sorted(pages.glob("*.md"))}
    yield from (f"{name}.md is missing: a page with the headings {', '.join(HEADINGS)}" for name in KINDS if name not in files)
    for name, file in files.items():
        if name in KINDS:
            generated = {PART: _generated(KINDS[name])}
            yield from (f"{file.name}: {fault}" for fault in page_faults(file.read_text(), name, HEADINGS, generated, pages))
        else:
            yield f"{file.name}: there is no kind of alert {name}"


def _generated(kind: Kind) -> str:
    night = "at once for data reported to investors (tier 1), else in the morning" if kind.may_wake else "in the morning"
    if kind.is_news:
        again = "no"
    else:
        again = ", ".join(f"{duration(after)} later (tier {tier})" for tier, after in REARM_AFTER.items()) + ", while it is open"
    return f"{kind.meaning}\n\n" + table(["", ""], [["Notified", night], ["Notified again after an acknowledgement", again]])
