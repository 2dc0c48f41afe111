"""Notifies people when the ledger or the watch does not work: directly over the channels, recorded in a file.

Whatever the ledger fails at leads here: it may be out of reach, read-only, full, or lack a table.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

from headline import settings
from headline.incidents.alert_path import WATCH, known_down, path_failed
from headline.incidents.watch import report
from headline.ledger.incidents import Incidents
from headline.paging import people
from headline.paging.channels import configured
from headline.paging.deliver import URGENT
from headline.paging.message import SHORT_LENGTH, Message
from headline.redaction import redact

log = logging.getLogger(__name__)

AGAIN_AFTER = timedelta(hours=1)
REFUSAL_LENGTH = 150


def mark() -> Path:
    """The file with the times since when the path is broken and of the last notification; removed when it works again."""
    return settings.load().home / "alert_path_failed"


def tell_directly(reason: str, now: datetime, part: str = WATCH) -> None:
    """Tell whoever is on call, now and then every hour, that a part of the alerts does not work and why.

    It becomes an incident like others; where the ledger takes none, the message goes straight to the first channel that works.
    Somebody whom no channel reached is tried again at the next call.
    """
    try:
        known = Incidents().open()
        report([path_failed(known_down(known) | {part: reason}, known, now)], now)
    except Exception as error:  # whatever it is, people must be notified of an alert that cannot be recorded
        refusal = redact(" ".join(str(error).split()))[:REFUSAL_LENGTH]
        log.exception("the ledger does not take the alert")
        since, told = _read(now)
        if told and now - told < AGAIN_AFTER:
            return
        has_reached = _send(message(reason, refusal, since), now)
        _write(since, now if has_reached else None)


def recovered(now: datetime) -> None:
    """The ledger works again: record the incident that it could not keep, as resolved."""
    if not mark().exists():
        return
    since, _ = _read(now)
    incidents = Incidents()
    fired = incidents.fire(path_failed({"ledger": f"took no alerts from {since:%H:%M} to {now:%H:%M} UTC"}, [], since), now)
    incidents.resolve(fired.id, now, "the ledger works again")
    mark().unlink()


def message(reason: str, refusal: str, since: datetime) -> Message:
    """What is said; there is no incident to acknowledge. `refusal`: what the ledger said when it was to keep the incident."""
    url = settings.load().base_url.rstrip("/")
    subject = "T1 Alerts fail: the ledger keeps no incidents"
    lines = [
        f"Alerts fail since {since.astimezone(UTC):%Y-%m-%d %H:%M} UTC, and the ledger keeps no incidents: {refusal}",
        "Impact: nobody is notified of late or wrong data, and nothing is published.",
        f"Likely cause: {reason}",
        "Next step: check that the ledger's PostgreSQL is up, is writable (no standby, disk not full) and is migrated.",
        "You are notified again every hour until it works.",
        "",
        f"DAG: {url}/dags/freshness_watch",
        f"What to do: {url}/headline/alerts/alert_path_failed",
    ]
    return Message(subject, redact(f"{subject}. {reason}")[:SHORT_LENGTH], redact("\n".join(lines)))


def _send(message: Message, now: datetime) -> bool:
    """Whether somebody was reached."""
    channels = configured()
    for contact in people.load(now).chain(people.ALERTS, now):
        for name in URGENT:
            if name in channels and channels[name].reaches(contact):
                try:
                    channels[name].send(message, contact)
                    return True
                except Exception as error:  # whatever a provider raises, the next channel must be tried
                    log.warning("%s rejected the alert for %s: %s", name, contact.person, type(error).__name__)
    log.error("nobody could be notified: %s", message.text)
    return False


def _read(now: datetime) -> tuple[datetime, datetime | None]:
    try:
        since, *told = mark().read_text().split()
        return datetime.fromisoformat(since), datetime.fromisoformat(told[0]) if told else None
    except (OSError, ValueError):
        return now, None


def _write(since: datetime, told: datetime | None) -> None:
    try:
        mark().parent.mkdir(parents=True, exist_ok=True)
        mark().write_text(f"{since.isoformat()} {told.isoformat() if told else ''}")
    except OSError as error:
        log.warning("%s cannot be written, so people are notified each time: %s", mark(), error)
