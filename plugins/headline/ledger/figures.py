"""Unusual figures that audits have found, and which of them somebody has waived: exactly those that somebody has seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select, text

from headline.intervals import Interval, Period
from headline.ledger import tables
from headline.ledger.audits import Sample
from headline.ledger.store import Store

# The column of a figure's period, and the kind of period that it is.
PERIODS: Mapping[str, Period] = {"ds": "day", "week": "week", "month": "month"}
# What a finding says besides the key of its figure (checks/anomaly.jinja), and, once it is waived, by whom and why.
SAYS = ("value", "expected", "allowed", "score", "finding")
WAIVED = ("accepted_value", "accepted_by", "accepted_because")
_NEVER = datetime.min.replace(tzinfo=UTC)
_ANOMALY_PATH = "checks.failed_rows."
_FOUND = text("""
    select
        audit.table_name, audit.check_path, audit.check_name, audit.run_id, audit.audited_at, finding.sample
    from audit
    cross join lateral jsonb_array_elements(audit.sample) with ordinality as finding (sample, place)
    where audit.kind = 'anomaly' and audit.outcome in ('failed', 'waived')
        and audit.table_name = any(cast(:names as text[])) and audit.run_key <> :but_of_run
    order by audit.id, finding.place
""")


@dataclass(frozen=True)
class Figure:
    """An unusual figure, from the newest audit that found it.

    `finding`: its key (period, groups, measure) with what the check says of it, and, where it is waived, by whom and why.
    """

    table: str
    check_path: str
    check_name: str
    finding: Sample
    run_id: str = ""
    audited_at: datetime = _NEVER

    @property
    def key(self) -> Sample:
        return key_of(self.finding)

    @property
    def day(self) -> date | None:
        """The first day of its period; None for a figure without one."""
        begins = next((value for name in PERIODS if (value := self.finding.get(name))), None)
        return date.fromisoformat(begins) if begins else None

    @property
    def value(self) -> Decimal:
        return Decimal(self.finding["value"] or 0)

    @property
    def is_high(self) -> bool:
        """Whether it is above the expected value."""
        return self.value > Decimal(self.finding["expected"] or 0)

    @property
    def is_waived(self) -> bool:
        """Whether somebody has waived just this value."""
        waived = self.finding.get("accepted_value")
        return waived is not None and Decimal(waived) == self.value

    @property
    def name(self) -> str:
        """All that a waiver of it names, in one line: table, check, period, groups, measure and value."""
        key = self.key
        ordered = sorted(key, key=lambda column: (column not in PERIODS, column))
        of_what = ",".join(" ".join(str(key[column]).split()) for column in ordered)
        return f"{self.table}.{self.check_path.removeprefix(_ANOMALY_PATH)}@{of_what}={self.value.normalize():f}"

    def lies_in(self, days: Interval) -> bool:
        """Whether any of these days is in its period; a figure without a period belongs to all days."""
        kind: Period = next((kind for name, kind in PERIODS.items() if self.finding.get(name)), "day")
        whole = days.widen(kind)
        return self.day is None or whole.start <= self.day < whole.end


class Figures(Store):
    """Reads of what the checks of kind anomaly have found; the audits keep it, with every waiver."""

    def found(self, table_names: Iterable[str], but_of_run: str = "") -> list[Figure]:
        """Every figure that any audit of these tables found unusual, from the newest such audit, in the order of audits.

        `but_of_run`: the key of a run whose own audits do not count: nobody has seen them yet.
        """
        newest: dict[tuple[str, str, frozenset[tuple[str, str | None]]], Figure] = {}
        with self._begin() as connection:
            for row in connection.execute(_FOUND, {"names": list(table_names), "but_of_run": but_of_run}):
                figure = Figure(row.table_name, row.check_path, row.check_name, row.sample, row.run_id, row.audited_at)
                key = figure.table, figure.check_path, frozenset(figure.key.items())
                newest.pop(key, None)
                newest[key] = figure
        return list(newest.values())

    def open(self, table_names: Iterable[str], within: Interval | None = None) -> list[Figure]:
        """The figures that hold back a publication: not waived, and their period not published since.

        `within`: only those whose period has any of these days.
        """
        waiting = [one for one in self.found(table_names) if not one.is_waived and (within is None or one.lies_in(within))]
        if not waiting:
            return []
        states = tables.period_state.c
        query = select(states.table_name, states.start, states.computed_at)
        query = query.where(states.table_name.in_({one.table for one in waiting}))
        query = query.where(states.start.in_({one.day for one in waiting if one.day}))
        with self._begin() as connection:
            computed = {(name, start): at for name, start, at in connection.execute(query)}
        return [one for one in waiting if not _is_over(one, computed)]


def key_of(finding: Sample) -> Sample:
    """The key of a figure within its check: its period, groups and measure."""
    return {name: value for name, value in finding.items() if name not in (*SAYS, *WAIVED)}


def _is_over(figure: Figure, computed: Mapping[tuple[str, Any], datetime]) -> bool:
    at = computed.get((figure.table, figure.day))
    return at is not None and at > figure.audited_at
