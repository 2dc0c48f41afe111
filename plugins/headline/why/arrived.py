"""How a day of a landing stands: what a source has sent of it, and why that does not count."""

from __future__ import annotations

from datetime import date, datetime
from functools import cached_property

from headline.incidents.first_step import first_step
from headline.intervals import DAY, Interval
from headline.ledger import Attempt, Ledger, Repairs, SchemaChanges
from headline.ledger.incident import Incident
from headline.specs import Catalog, Source
from headline.why.standing import Standing, minute


class Arrived:
    """Reads how landed days stand; what all questions share is read once."""

    def __init__(self, catalog: Catalog, ledger: Ledger, now: datetime) -> None:
        self._catalog = catalog
        self._ledger = ledger
        self._now = now

    def standing(self, name: str, days: Interval) -> Standing:
        """How the first of some days of a landing stands that has not arrived, or else the first."""
        there = {state.interval.start for state in self._ledger.states([name], days)}
        day = next((day for day in days if day not in there), days.start)
        one = Interval(day, day + DAY)
        source = next(one for one in self._catalog.pipelines.values() if isinstance(one, Source) and name in one.landed)
        changed = SchemaChanges(self._ledger.conn_id).newest(name)
        if changed and changed.is_blocking and changed.ds <= day:
            told = f"{source.id} has other columns since {changed.ds}: {'; '.join(changed.told[:2])}."
            kept = f"the file is kept: {changed.file}" if changed.file else "the source rejected the query"
            steps = [f"headline contract diff {name.replace('landing.', 'raw.')}", *self._steps("schema_changed", source, one)]
            return Standing(name, one, "failed", told, f"{told.rstrip('.')}; {kept}", steps)
        if day not in there:
            reason = f"nothing of it has arrived from {self._place(source, name, one)}{self._tried(name, one)}"
            steps = self._steps("source_missing", source, one)
            return Standing(name, one, "missing", "Nothing of it is loaded.", reason, steps)
        load = self._ledger.current_loads(name, [one])[0]
        told = f"{load.row_count:,} rows of {load.file}, read on {minute(load.extracted_at)}."
        return Standing(name, one, "complete", told)

    def _place(self, source: Source, landing: str, day: Interval) -> str:
        """Where the source is read, as its spec says."""
        ingest = source.landed[landing]
        what = getattr(ingest, "pattern", "") or getattr(ingest, "path", "") or getattr(ingest, "extract", "")
        return f"{source.id}: {what.replace('{{ ds }}', str(day.start))} behind the connection {ingest.connection}"

    def _tried(self, landing: str, day: Interval) -> str:
        attempt = self._attempts.get((landing, day.start))
        if attempt is None:
            return ""
        return f"; gap backfill, attempt {attempt.attempt} ({attempt.outcome}): {attempt.reason}"

    def _steps(self, kind: str, source: Source, day: Interval) -> list[str]:
        incident = Incident(0, kind, source.id, day.start, "open", None, self._now, self._now)
        return first_step(incident, [source.id]).splitlines()

    @cached_property
    def _attempts(self) -> dict[tuple[str, date], Attempt]:
        return Repairs(self._ledger.conn_id).newest()
