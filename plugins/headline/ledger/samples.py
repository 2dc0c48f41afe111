"""Periods that a sandbox has of production: samples, known by the name of the run that brought them."""

from __future__ import annotations

from sqlalchemy import text

from headline.ledger.period import PeriodState
from headline.ledger.store import Store

_NAMED = "sample of version "
_NOT_BEHIND = text("""
    update period_state set as_of = (select max(version) from period_state)
    where starts_with(run_id, :named)
""")


def run_of_sample(version: int) -> str:
    """What the run is called that samples production as it was at a version of its ledger."""
    return f"{_NAMED}{version}"


def version_of_sample(state: PeriodState) -> int | None:
    """The version of production that a sampled period has; None where it was computed in the sandbox."""
    _, is_sample, version = state.run_id.partition(_NAMED)
    return int(version) if is_sample else None


class Samples(Store):
    """The samples of a sandbox."""

    def are_not_behind(self) -> None:
        """In whatever order tables were sampled: production has computed them from each other."""
        with self._begin() as connection:
            connection.execute(_NOT_BEHIND, {"named": _NAMED})
