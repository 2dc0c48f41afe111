"""What is held back, open and at work now: what all questions about the periods of tables share is read once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import TYPE_CHECKING

from headline import settings
from headline.incidents.first_step import first_step
from headline.intervals import Interval, business_day
from headline.ledger import HeldDay, HeldDays, Ledger
from headline.ledger.evidence import HeldBack, Observations
from headline.ledger.incident import Finding, Incident
from headline.ledger.incidents import Incidents
from headline.specs import Catalog, Pipeline
from headline.why.changes import Changes
from headline.why.standing import minute

if TYPE_CHECKING:
    from headline.warehouse import Warehouse


@dataclass(frozen=True)
class Known:
    """`warehouse`: where quarantined rows can be counted; None where it is not to be asked."""

    catalog: Catalog
    ledger: Ledger
    now: datetime
    warehouse: Warehouse | None = None

    @cached_property
    def today(self) -> date:
        return business_day(self.now, settings.load().reporting_zone)

    @cached_property
    def changes(self) -> Changes:
        return Changes(self.catalog, self.ledger)

    @cached_property
    def observations(self) -> Observations:
        return Observations(self.ledger.conn_id)

    @cached_property
    def incidents(self) -> list[Incident]:
        return Incidents(self.ledger.conn_id).open()

    @cached_property
    def held_readings(self) -> list[HeldDay]:
        return HeldDays(self.ledger.conn_id).open()

    @cached_property
    def _runs(self) -> list[tuple[str, str, datetime | None]]:
        return self.observations.at_work()

    def held_back(self, pipeline: Pipeline, days: Interval) -> list[HeldBack]:
        """What audits hold back of the tables of a pipeline."""
        return self.observations.held_back([table.full_name for table in pipeline.ordered_tables], days)

    def at_work(self, pipeline: Pipeline) -> str:
        """The run of a pipeline that is at work, in words; empty where none is."""
        for who, run, since in self._runs:
            if who == pipeline.id:
                return f"the run {run} is at work" + (f" since {minute(since)}" if since else "")
        return ""

    def steps(self, finding: Finding | Incident) -> list[str]:
        """What to do first about an incident, or about a finding: there may be an open incident of it."""
        incident = finding if isinstance(finding, Incident) else self._incident(finding)
        steps = first_step(incident, self.catalog.sources_of(incident.pipeline)).splitlines()
        return [*steps, *([taken_by(incident)] if incident.id else ())]

    def _incident(self, finding: Finding) -> Incident:
        """The open incident of a finding, or what it would be."""
        would_be = Incident(
            0, finding.kind, finding.pipeline, finding.ds, "open", None, finding.since, self.now, facts=finding.facts
        )
        return next((one for one in self.incidents if one.key == finding.key), would_be)


def taken_by(incident: Incident) -> str:
    """Who looks after an incident, or how to say that one does."""
    by = f" by {incident.acknowledged_by}" if incident.acknowledged_by else f": headline acknowledge {incident.id}"
    return f"incident {incident.id} is {incident.state}{by}"
