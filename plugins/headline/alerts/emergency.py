"""Telling people when the ledger or the watch itself does not work: straight over the channels, remembered in a file."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

from headline import settings
from headline.alerts import people
from headline.alerts.channels import configured
from headline.alerts.deliver import URGENT
from headline.alerts.judge import path_failed
from headline.alerts.message import SHORT_LENGTH, Message, redact
from headline.errors import Transient
from headline.ledger.incidents import Incidents

log = logging.getLogger(__name__)

AGAIN_AFTER = timedelta(hours=1)


def mark() -> Path:
    """Where it stands since when the path is broken and when people were told last; gone when it works again."""
    return settings.load().home / "alert_path_failed"


def tell_directly(reason: str, now: datetime) -> None:
    """Tell whoever is on call, now and then every hour, that the freshness watch does not work and why.

    With a ledger it becomes an incident like others, without one the message goes straight to the first channel that works.
    """
    from headline.alerts.watch import report

    try:
        report([path_failed({"freshness_watch": reason}, Incidents().open(), now)], now)
    except Transient:
        since, told = _read(now)
        if told and now - told < AGAIN_AFTER:
            return
        _write(since, now)
        _send(message(reason, since), now)


def recovered(now: datetime) -> None:
    """The ledger answers again: what it could not be told while it was out of reach is told now, as over."""
    if not mark().exists():
        return
    since, _ = _read(now)
    incidents = Incidents()
    fired = incidents.fire(path_failed({"ledger": f"out of reach from {since:%H:%M} to {now:%H:%M} UTC"}, [], since), now)
    incidents.resolve(fired.id, now, "the ledger answers again")
    mark().unlink()


def message(reason: str, since: datetime) -> Message:
    """What is said; there is no incident to acknowledge."""
    url = settings.load().base_url.rstrip("/")
    subject = "T1 Nobody watches: the freshness watch has failed"
    lines = [
        f"The freshness watch fails since {since.astimezone(UTC):%Y-%m-%d %H:%M} UTC, and the ledger is out of reach.",
        "Hurt: everybody who relies on being told that data is late or wrong; nothing is published either.",
        f"Likely cause: {reason}",
        "First: see whether the ledger's PostgreSQL is up. You are told again every hour until it answers.",
        "",
        f"DAG: {url}/dags/freshness_watch",
        f"What to do: {url}/headline/alerts/alert_path_failed",
    ]
    return Message(subject, redact(f"{subject}. {reason}")[:SHORT_LENGTH], redact("\n".join(lines)))


def _send(message: Message, now: datetime) -> None:
    channels = configured()
    for contact in people.load(now).chain(people.ALERTS, now):
        for name in URGENT:
            if name in channels and channels[name].reaches(contact):
                try:
                    return channels[name].send(message, contact)
                except Exception as error:  # whatever a provider raises, the next channel must be tried
                    log.warning("%s did not take the alert for %s: %s", name, contact.person, type(error).__name__)
    log.error("nobody could be told: %s", message.text)
    return None


def _read(now: datetime) -> tuple[datetime, datetime | None]:
    try:
        since, told = mark().read_text().split()
        return datetime.fromisoformat(since), datetime.fromisoformat(told)
    except (OSError, ValueError):
        return now, None


def _write(since: datetime, told: datetime) -> None:
    try:
        mark().parent.mkdir(parents=True, exist_ok=True)
        mark().write_text(f"{since.isoformat()} {told.isoformat()}")
    except OSError as error:
        log.warning("%s cannot be written, so people are told each time: %s", mark(), error)
