"""Whom to tell: the team's rota and owners, or everybody whom a channel knows where the team's file cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from headline.alerts.channels import Contact, configured

DELAYS = {1: timedelta(minutes=30), 2: timedelta(hours=4)}


class People(Protocol):
    """Who is there."""

    def chain(self, area: str | None, moment: datetime) -> Sequence[Contact]:
        """Who is told about an area's trouble, one after the other, never empty; None = trouble with the alerts themselves."""
        ...

    def delay(self, tier: int) -> timedelta:
        """How long each has to acknowledge before the next is told."""
        ...


@dataclass(frozen=True)
class Everybody:
    """Whoever has an address anywhere, in no particular order of duty."""

    names: Sequence[str] = field(
        default_factory=lambda: sorted({name for channel in configured().values() for name in channel.people})
    )

    def chain(self, area: str | None, moment: datetime) -> Sequence[Contact]:  # noqa: ARG002 (there is no rota)
        return [Contact(name, "UTC", "on call") for name in self.names or ["team"]]

    def delay(self, tier: int) -> timedelta:
        return DELAYS[tier]


def load() -> People:
    return Everybody()
