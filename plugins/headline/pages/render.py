"""Templates of the pages, and how times and days are written in them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING, Any

from fastapi.responses import HTMLResponse

from headline.figures.text import number

if TYPE_CHECKING:
    from jinja2 import Environment

    from headline.ledger.incident import Incident


def page(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page; whatever stands in the values is text, never markup."""
    return HTMLResponse(_templates().get_template(template).render(**values), status)


def clock(moment: datetime | None) -> str:
    """A moment in UTC, to the minute; nothing for none."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M}" if moment else ""


def day_and_clock(moment: datetime) -> str:
    """A moment of these days in UTC: Mon 23 Nov, 08:00."""
    return f"{moment.astimezone(UTC):%a %-d %b, %H:%M}"


def figure(value: Decimal | None) -> str:
    """A value as people read it: grouped, without zeros at the end."""
    return number(value)


def words(name: str) -> str:
    """A name of the code as somebody would say it."""
    return name.replace("_", " ")


def label(incident: Incident) -> str:
    """What an incident is, in a few words; a drill is told as what it is."""
    return "drill" if incident.facts.get("drill") else words(incident.kind)


def duration(span: timedelta) -> str:
    """How long, in the two largest units that matter: 2 h 5 min."""
    minutes = int(abs(span).total_seconds()) // 60
    days, hours = minutes // 1440, minutes // 60 % 24
    if days:
        return f"{days} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


@cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader

    environment = Environment(loader=PackageLoader("headline.pages"), autoescape=True, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {
        "clock": clock,
        "day_and_clock": day_and_clock,
        "duration": duration,
        "figure": figure,
        "label": label,
        "words": words,
    }
    return environment
