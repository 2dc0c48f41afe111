"""Who is notified of an incident, when, and over which channel: the rota of team.yml, e-mail, Slack and SNS."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headline.specs import Catalog


class Rotation:
    """The pager of the repository: on call, then the owners, each with a time to acknowledge."""

    def notify(self, catalog: Catalog, now: datetime) -> datetime | None:
        """Send every notification that is due; returns the next moment at which one is."""
        from headline.paging import people
        from headline.paging.deliver import Delivery

        return Delivery(catalog, people.load(now), now).run()
