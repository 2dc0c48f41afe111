"""People for tests: always there, whatever the day."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from headline.paging.channels import Contact

ADA = Contact("ada", "Europe/Berlin", "on call", "ada@example.com")
BEN = Contact("ben", "America/New_York", "primary", "ben@example.com")
CLEO = Contact("cleo", "Asia/Tokyo", "secondary")


class Team:
    """Ada is on call, Ben and Cleo own everything."""

    def chain(self, area: str, moment: datetime) -> Sequence[Contact]:
        return [ADA, BEN, CLEO]

    def delay(self, tier: int) -> timedelta:
        return {1: timedelta(minutes=30), 2: timedelta(hours=4)}[tier]
