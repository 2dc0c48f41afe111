"""Which arrival, or which version of the code, a change of a period goes back to."""

from __future__ import annotations

from typing import Any

from headline import settings
from headline.intervals import DAY, Interval
from headline.ledger import Ledger
from headline.ledger.evidence import Observations
from headline.specs import Catalog
from headline.why.standing import Standing, minute

FOR_EVER = 2**62


class Changes:
    """Follows versions through the history of loads and publications."""

    def __init__(self, catalog: Catalog, ledger: Ledger) -> None:
        self._catalog = catalog
        self._ledger = ledger
        self._observations = Observations(ledger.conn_id)

    def origin(self, name: str, standing: Standing) -> Standing | None:
        """Where the change comes from for which a period is stale or was restated; None where the history does not tell."""
        if standing.state == "stale":
            found = self._input(name, standing.days, self.seen(name, standing.days), FOR_EVER)
        else:
            history = self._observations.publications(name, standing.days)
            found = self._before(name, history, len(history) - 1)
        if found and not found.steps:
            return Standing(found.table, found.days, found.state, found.told, found.reason, standing.steps)
        return found

    def seen(self, name: str, days: Interval) -> int:
        """Up to which version a period has seen its inputs; what is replaced whole has seen what its newest computation saw."""
        if self._catalog.makers[name].outputs[name].period_column is None:
            return self._ledger.newest_as_of(name)
        return min((one.as_of for one in self._ledger.states([name], days)), default=0)

    def _input(self, name: str, days: Interval, since: int, until: int) -> Standing | None:
        """The newest change after one version and up to another of what a table reads for some days, followed to its origin."""
        pipeline = self._catalog.makers[name]
        without = {"calendar.days", *settings.load().without}
        changed: list[tuple[bool, int, str, Any]] = []
        for read, window in pipeline.reads_by_table(pipeline.outputs[name]).items():
            if read in without or read == name:
                continue
            reach = window.reach(days)
            ask = self._observations.arrivals if read.startswith("landing.") else self._observations.publications
            for row in ask(read, reach, since):
                if row.version <= until:
                    changed.append((_days_of(row).overlaps(days), row.version, read, row))
        if not changed:
            return None
        _, _, read, row = max(changed, key=lambda one: one[:2])
        if read.startswith("landing."):
            return self._arrival(read, row)
        history = self._observations.publications(read, _days_of(row))
        place = next(number for number, one in enumerate(history) if one.version == row.version)
        return self._before(read, history, place)

    def _before(self, name: str, history: list[Any], place: int) -> Standing:
        """Why a publication of a table was made: a change of its inputs since the one before, or of its code."""
        row = history[place]
        days = _days_of(row)
        earlier = [one for one in history[:place] if _days_of(one).overlaps(days)]
        since = earlier[-1].as_of if earlier else 0
        if found := self._input(name, days, since, row.as_of):
            return found
        told = f"Published on {minute(row.published_at)} by the run {row.run_id}."
        reason = f"the run {row.run_id} of {row.pipeline} published it on {minute(row.published_at)}"
        if earlier and earlier[-1].code_version != row.code_version:
            reason += ", with another version of its SQL, contract or macros"
        return Standing(name, days, "changed", told, reason)

    def _arrival(self, landing: str, row: Any) -> Standing:
        day = Interval(row.ds, row.ds + DAY)
        loads = [one for one in self._observations.arrivals(landing, day) if one.version < row.version]
        before = f" ({loads[-1].row_count:,} before)" if loads else ""
        what = "arrived again" if loads else "arrived"
        reason = f"{what}, read on {minute(row.extracted_at)}: {row.row_count:,} rows{before}, {row.file}"
        return Standing(landing, day, "changed", "It is loaded.", reason)


def _days_of(row: Any) -> Interval:
    return Interval(row.ds, row.ds + DAY) if hasattr(row, "ds") else Interval(row.start, row.end)
