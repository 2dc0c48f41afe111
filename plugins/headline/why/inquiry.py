"""From one period of a table to the first table upstream that is not well."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from headline import settings
from headline.errors import BadRequest
from headline.intervals import DAY, Interval, business_day
from headline.ledger import Ledger
from headline.specs import Catalog, Table
from headline.why.arrived import Arrived
from headline.why.known import Known
from headline.why.standing import NOT_WELL, Standing
from headline.why.tables import standing_of, troubled

if TYPE_CHECKING:
    from headline.warehouse import Warehouse

LINES = 5
# What may lie at the root of each state, besides the same one.
_FOLLOWS = {"partial": ("partial",)}


@dataclass(frozen=True)
class Answer:
    """Why a period is as it is: how it stands, and the root cause upstream where that is another table."""

    standing: Standing
    root: Standing | None = None

    def for_readers_of(self, tables: Collection[str]) -> Answer:
        """The same for somebody who may read these tables: of a root cause elsewhere only its name and state."""
        if self.root is None or self.root.table in tables:
            return self
        return replace(self, root=replace(self.root, told="its owners know more", reason="", steps=()))

    @property
    def lines(self) -> list[str]:
        """At most five lines: the state, why, the root cause and what to do next."""
        own, root = self.standing, self.root
        told = [f"{own.name}: {own.state}. {own.told}"]
        if own.reason:
            told.append(f"Why: {own.reason}")
        if root:
            told.append(f"Root cause: {root.name}, {root.state}: {root.reason or root.told}")
        steps = list((root or own).steps or own.steps)
        return told + [f"  {step}" if number else f"Next: {step}" for number, step in enumerate(steps[: LINES - len(told)])]


def explain(
    catalog: Catalog, ledger: Ledger, table: Table, day: date, now: datetime, warehouse: Warehouse | None = None
) -> Answer:
    """Why a day of a table is as it is; of a weekly or monthly table the period that holds the day.

    `warehouse`: counts quarantined rows and their money where it is given and can be read. Raises BadRequest for a day before
    there are data or one that has not begun, Transient where the ledger is out of reach.
    """
    known = settings.load()
    if day < known.first_day:
        raise BadRequest(f"{day} lies before {known.first_day}, the first day that there is data for (HEADLINE_FIRST_DAY)")
    today = business_day(now, known.reporting_zone)
    if day > today:
        raise BadRequest(f"{day} has not begun (today is {today}): ask for a day up to yesterday")
    return _Inquiry(catalog, ledger, now, warehouse).answer(table, day)


class _Inquiry:
    """One question; what was found of a period on the way is not looked up twice."""

    def __init__(self, catalog: Catalog, ledger: Ledger, now: datetime, warehouse: Warehouse | None) -> None:
        self._catalog = catalog
        self._known = Known(catalog, ledger, now, warehouse)
        self._arrived = Arrived(catalog, ledger, now)
        self._found: dict[tuple[str, Interval], Standing] = {}

    def answer(self, table: Table, day: date) -> Answer:
        own = self._standing(table.full_name, Interval(day, day + DAY))
        if own.state == "stale":
            return Answer(own, self._known.changes.origin(table.full_name, own))
        if own.state in (*NOT_WELL, "partial"):
            root = self._root(own, {own.table})
            return Answer(own, None if root == own else root)
        unwell = next((one for one in self._upstream(table, own.days) if one.state in NOT_WELL), None)
        if unwell:
            return Answer(own.waiting_for(unwell), unwell)
        return Answer(own, self._known.changes.origin(table.full_name, own) if own.state == "restated" else None)

    def _standing(self, name: str, days: Interval) -> Standing:
        is_landing = name.startswith("landing.")
        days = days if is_landing else days.widen(self._makes(name).period)
        if (name, days) not in self._found:
            standing = self._arrived.standing(name, days) if is_landing else standing_of(name, days, self._known)
            self._found[name, days] = standing
        return self._found[name, days]

    def _root(self, standing: Standing, seen: set[str]) -> Standing:
        """The first upstream that is not well for the same reason; the standing itself where there is none."""
        sought = _FOLLOWS.get(standing.state, NOT_WELL)
        for name, days in standing.follows:
            if name not in seen:
                seen.add(name)
                found = self._standing(name, days)
                if found.state in sought:
                    return self._root(found, seen)
        return standing

    def _upstream(self, table: Table, days: Interval) -> Iterator[Standing]:
        """How all that a table is computed from stands, each after what it reads."""
        computed_from = self._catalog.computed_from(table.full_name) - settings.load().without
        for name in self._order:
            if name in computed_from and (found := troubled(self._makes(name), days, self._known)):
                yield self._standing(name, found)

    @cached_property
    def _order(self) -> list[str]:
        return [table.full_name for pipeline in self._catalog.in_order() for table in pipeline.ordered_tables]

    def _makes(self, name: str) -> Table:
        return self._catalog.makers[name].outputs[name]
