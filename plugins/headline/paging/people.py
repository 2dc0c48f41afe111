"""Whom to notify: the team's rota and owners, or everybody with a channel if the team's file cannot be read."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from headline import oncall
from headline.errors import HeadlineError
from headline.paging.channels import Contact, configured
from headline.specs import Team, load_team

log = logging.getLogger(__name__)

ALERTS = "operations"  # the area of whoever answers for the alerts themselves
DELAYS = {1: timedelta(minutes=30), 2: timedelta(hours=4)}


class People(Protocol):
    """Who is there."""

    def chain(self, area: str, moment: datetime) -> Sequence[Contact]:
        """Who is notified of an area's incidents, one after the other, never empty."""
        ...

    def delay(self, tier: int) -> timedelta:
        """How long each has to acknowledge before the next is notified."""
        ...


@dataclass(frozen=True)
class Rota:
    """The people of team.yml: on call, then primary owners, then secondary; people who are away are replaced by their cover."""

    team: Team

    def chain(self, area: str, moment: datetime) -> Sequence[Contact]:
        known = area if area in self.team.owners else ALERTS
        owners = self.team.owners[known]
        first, *others = oncall.escalation_chain(self.team, known, moment)
        roles = dict.fromkeys(owners.secondary, "secondary") | dict.fromkeys(owners.primary, "primary") | {first.id: "on call"}
        return [Contact(one.id, one.zone, roles.get(one.id, "cover"), one.email) for one in (first, *others)]

    def delay(self, tier: int) -> timedelta:
        return self.team.escalate_after[1 if tier == 1 else 2]


@dataclass(frozen=True)
class Everybody:
    """Whoever has an address anywhere, in no particular order of duty."""

    names: Sequence[str] = field(
        default_factory=lambda: sorted({name for channel in configured().values() for name in channel.people})
    )

    def chain(self, area: str, moment: datetime) -> Sequence[Contact]:  # noqa: ARG002 (there is no rota)
        return [Contact(name, "UTC", "on call") for name in self.names or ["team"]]

    def delay(self, tier: int) -> timedelta:
        return DELAYS[tier]


def load(moment: datetime) -> People:
    """The people of team.yml; where it cannot be read, or has no rota for this moment, everybody."""
    try:
        rota = Rota(load_team())
        rota.chain(ALERTS, moment)
    except HeadlineError as error:
        log.error("it is unknown who is on call, so everybody is notified: %s", error)
        return Everybody()
    return rota
