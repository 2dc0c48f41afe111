"""Whether the figures themselves are news: the profit of a month has fallen beyond the limit."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

from headline import settings, specs
from headline.incidents.watch import report
from headline.intervals import DAY, business_day
from headline.ledger import Ledger
from headline.ledger.incident import Finding
from headline.ledger.incidents import Incidents
from headline.warehouse import open_warehouse

TABLE = "profit.monthly_profit_trends"


def look_at_figures(now: datetime) -> None:
    """Read the last whole month where it was published again, tell of a drop, and end what is none any more.

    The warehouse is only opened after a publication, so that it stays free for those who write. Raises Transient if it is locked.
    """
    newest = Ledger().newest_state(TABLE)
    if newest is None or _seen().read_text() == str(newest.version):
        return
    month = last_whole_month(business_day(now, settings.load().reporting_zone))
    incidents = Incidents()
    with open_warehouse().session(read_only=True) as session:
        condition = f"month = date '{month}' and is_profit_drop and not is_provisional"
        has_dropped = bool(session.query(f"select month from {TABLE} where {condition}").rows)
    for incident in incidents.open():
        if incident.kind == "profit_drop" and not (has_dropped and incident.ds == month):
            incidents.resolve(incident.id, now, "computed again: no drop" if incident.ds == month else "another month is whole")
    if has_dropped and month >= settings.load().start_date.replace(day=1):
        pipeline = specs.load_sound().makers[TABLE].id
        report([Finding(pipeline, "profit_drop", month, newest.changed_at, {"run_id": newest.run_id})], now)
    _seen().write_text(str(newest.version))


def last_whole_month(today: date) -> date:
    """The first day of the month that ended last."""
    return (today.replace(day=1) - DAY).replace(day=1)


def _seen() -> Path:
    """Which publication was looked at last; lost, it is looked at again."""
    path = settings.load().home / "figures_seen"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    return path
