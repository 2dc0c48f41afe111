"""The alerts' own path: what of it does not work is an incident that depends on no data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from headline.ledger.incident import Finding, Incident

WATCH = "freshness_watch"  # the DAG that answers for the path of alerts
KIND = "alert_path_failed"


def path_failed(down: Mapping[str, str], incidents: Iterable[Incident], now: datetime) -> Finding:
    """What of the alerts' own path does not work, by name; one finding however long it lasts and whatever joins it."""
    begun = [one.ds for one in _unresolved(incidents)]
    return Finding(WATCH, KIND, min(begun, default=now.astimezone(UTC).date()), now, {"down": dict(down)})


def known_down(incidents: Iterable[Incident]) -> dict[str, str]:
    """What of the alerts' path does not work as far as the newest look knows; who finds more of it adds to that."""
    return next((dict(one.facts.get("down", {})) for one in _unresolved(incidents)), {})


def _unresolved(incidents: Iterable[Incident]) -> Iterator[Incident]:
    return (one for one in incidents if (one.pipeline, one.kind) == (WATCH, KIND) and one.state != "resolved")
