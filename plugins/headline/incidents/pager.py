"""The interface to whatever notifies people of incidents, so that another pager can stand in for `headline.paging`."""

from __future__ import annotations

from datetime import datetime
from pkgutil import resolve_name
from typing import Protocol

from headline import settings
from headline.specs import Catalog


class Pager(Protocol):
    """Notifies people of the open incidents of the ledger, and says when it has to be asked again."""

    def notify(self, catalog: Catalog, now: datetime) -> datetime | None:
        """Send every notification that is due, and record it in the ledger; safe to call again, or twice at a time.

        Returns the next moment at which a notification is due, if one is known.
        """
        ...


def pager() -> Pager:
    """The pager that the setting names, such as `headline.paging:Rotation`."""
    made: Pager = resolve_name(settings.load().pager)()
    return made
