"""Sends the notifications that are due over the configured channels and records them in the ledger."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from headline import settings
from headline.incidents.alert_path import known_down, path_failed
from headline.incidents.kinds import KINDS
from headline.incidents.phase import present
from headline.incidents.watch import fire
from headline.ledger import IssuedFigures
from headline.ledger.incident import Event, Incident
from headline.ledger.incidents import Incidents
from headline.paging.channels import INBOX, Channel, Contact, Undelivered, configured
from headline.paging.escalation import Step, next_step
from headline.paging.message import Message, Surroundings, compose
from headline.paging.people import ALERTS, People
from headline.redaction import redact
from headline.specs import Catalog

log = logging.getLogger(__name__)

# What wakes people first for what must not wait; for anything else what they read anyway.
URGENT = ("sns", "slack", "email")
CALM = ("email", "slack", "sns")


@dataclass
class Delivery:
    """One round of telling people; `down` collects the channels that failed in it, which are not tried again.

    `refused`: channels that reached a person, but not at all of their addresses; they are still used.
    """

    catalog: Catalog
    people: People
    now: datetime
    incidents: Incidents = field(default_factory=Incidents)
    channels: Mapping[str, Channel] = field(default_factory=configured)
    down: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)

    @cached_property
    def chain_head(self) -> str:
        """The head of the chain of issued figures, read once a round; an alert must go out where it cannot be."""
        try:
            return IssuedFigures().head()
        except Exception as error:  # whatever it is
            log.warning("alerts go out without the head of the chain of issued figures: %s", redact(str(error)))
            return ""

    @property
    def failed(self) -> dict[str, str]:
        """Every channel that did not reach everybody in this round, with what was said."""
        return self.refused | self.down

    def run(self) -> datetime | None:
        """Notify everybody who is due by now; returns the next time at which a notification is due, if one is known.

        A channel that failed becomes an incident of its own, notified over the others. Safe against others who do the same.
        """
        upcoming = [self._work_on(incident.id) for incident in self.incidents.open()]
        if self.failed:
            known = self.incidents.open()
            others = {name: reason for name, reason in known_down(known).items() if name not in self.channels}
            down = others | self.incidents.broken_channels() | self.failed
            upcoming.append(self._work_on(fire(self.incidents, path_failed(down, known, self.now), known, self.now).id))
        return min((moment for moment in upcoming if moment), default=None)

    def around(self, incident: Incident) -> Surroundings:
        """What the message needs to know besides the incident."""
        known = incident.pipeline in self.catalog.pipelines
        readers = self.catalog.readers_of(incident.pipeline) if known else []
        hanging = [present(one, self.now) for one in self.incidents.open() if one.cause_id == incident.id]
        tiers = [self.catalog.pipelines[one].tier for one in [incident.pipeline, *readers] if one in self.catalog.pipelines]
        sources = self.catalog.sources_of(incident.pipeline) if known else []
        return Surroundings(min(tiers, default=1), readers, hanging, settings.load().base_url, sources, self.chain_head)

    def _work_on(self, incident_id: int) -> datetime | None:
        """Do what is due about one incident; returns when more is."""
        with self.incidents.telling(incident_id) as is_ours:
            while is_ours:
                incident = present(self.incidents.get(incident_id), self.now)
                around = self.around(incident)
                step = self._next_step(incident, around)
                if step is None or step.at > self.now:
                    return step.at if step else None
                if step.contact is None:
                    self.incidents.rearm(incident_id, self.now, "it is still open")
                else:
                    self._tell(incident, around, step)
        return None

    def _next_step(self, incident: Incident, around: Surroundings) -> Step | None:
        area = self.catalog.pipelines[incident.pipeline].area if incident.pipeline in self.catalog.pipelines else ALERTS
        return next_step(
            incident,
            self.incidents.history(incident.id),
            self.people.chain(area, self.now),
            cause=self.incidents.get(incident.cause_id) if incident.cause_id else None,
            tier=around.tier,
            wakes=wakes(incident, around),
            delay=self.people.delay(around.tier),
        )

    def _tell(self, incident: Incident, around: Surroundings, step: Step) -> None:
        contact = step.contact
        assert contact is not None  # noqa: S101 (for the type checker)
        message = compose(incident, around)
        if not step.is_first:
            detail = f"nobody acknowledged it; {contact.role} is notified"
            self.incidents.record(Event(incident.id, self.now, "escalated", contact.person, detail=detail))
        self.incidents.record(Event(incident.id, self.now, "told", contact.person, INBOX, message.text))
        order = URGENT if wakes(incident, around) else CALM
        usable = [name for name in order if name in self.channels and name not in self.down]
        if self.channels and not any(self.send(incident, message, contact, name) for name in usable):
            detail = "every channel failed or has no address"
            self.incidents.record(Event(incident.id, self.now, "delivery_failed", contact.person, detail=detail))

    def send(self, incident: Incident, message: Message, contact: Contact, name: str) -> bool:
        """Send over one channel and record the result; False if the channel does not reach the person or fails."""
        if not self.channels[name].reaches(contact):
            return False
        try:
            refused = redact(self.channels[name].send(message, contact))
        except Exception as error:  # whatever a provider raises, the next channel must be tried
            reason = redact(str(error) if isinstance(error, Undelivered) else f"{type(error).__name__}: {error}")[:300]
            log.warning("%s did not take the alert %s for %s: %s", name, incident.id, contact.person, reason)
            self.down[name] = reason
            self.incidents.record(Event(incident.id, self.now, "delivery_failed", contact.person, name, reason))
            return False
        log.info("notified %s by %s: %s", contact.person, name, message.subject)
        self.incidents.record(Event(incident.id, self.now, "told", contact.person, name, message.subject))
        if refused:
            self.refused[name] = refused[:300]
            self.incidents.record(Event(incident.id, self.now, "delivery_failed", contact.person, name, refused[:300]))
        return True


def wakes(incident: Incident, around: Surroundings) -> bool:
    """Whether people are notified at night too: for investors' data, if it or an incident caused by it cannot wait."""
    return around.tier == 1 and any(
        KINDS[one.kind].may_wake and one.facts.get("phase") != "at_risk" and one.facts.get("blocking") is not False
        for one in [incident, *around.hanging]
    )
