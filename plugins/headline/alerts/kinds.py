"""The kinds of alert: a closed list, each with what it means and what to do first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from headline.intervals import DAY, Interval

if TYPE_CHECKING:
    from headline.ledger.incidents import Incident


@dataclass(frozen=True)
class Kind:
    """One kind of alert; its page is docs/alerts/<name>.md.

    `meaning`: one line for whoever has never seen it. `first_step`: what to do at once. `may_wake`: whether it may reach
    somebody at night where investors are concerned (tier 1); other kinds wait for the morning. `is_news`: to know it is
    enough, so that whoever acknowledged it is not reminded.
    """

    name: str
    meaning: str
    first_step: str
    may_wake: bool = True
    is_news: bool = False


LANDING_MISSED = Kind(
    "landing_missed",
    "Yesterday was not published by the moment that the pipeline promises.",
    "Open the DAG: is it paused, waiting or red? What it waits for is named above; clear what failed.",
)
DATA_PARTIAL = Kind(
    "data_partial",
    "A day is published, but only in part: rows of it were refused or are missing, and readers see it marked.",
    "See in the quarantine what was refused and why, and ask the source's owner to mend it; the next run takes it in.",
    may_wake=False,
    is_news=True,
)
BACKFILL_FAILED = Kind(
    "backfill_failed",
    "Runs of a backfill have failed; what was published before is still there.",
    "Read in the log of the first of these days why, mend it, then compute the days again.",
    may_wake=False,
    is_news=True,
)
DATA_STALE = Kind(
    "data_stale",
    "What readers see was computed before its inputs changed, and the run that should have taken it in did not.",
    "Unpause the DAG if it is paused, then trigger it with From and To over the days named above.",
    may_wake=False,
)
CONTRACT_BROKEN = Kind(
    "contract_broken",
    "A check of a table's contract failed: the data is bad and nothing of it was published.",
    "Look at the rows of the keys above: mend the source or the SQL, then clear the run.",
)
CONTRACT_NOT_CHECKED = Kind(
    "contract_not_checked",
    "A contract could not be verified, so nothing is known about the data and nothing was published.",
    "Read the end of the log: mend the contract or the warehouse, then clear the run.",
)
TASK_FAILED = Kind(
    "task_failed",
    "A task failed for good: it was tried as often as it may be, or a try more cannot help.",
    "Read the end of the log, then clear the task.",
)
SOURCE_MISSING = Kind(
    "source_missing",
    "A source did not give what it should, and reading it again did not help.",
    "Ask the source's owner. When it is there, trigger the source's DAG for the day.",
)
SCHEMA_CHANGED = Kind(
    "schema_changed",
    "A source arrives with other columns than were agreed; the files are kept.",
    "Ask the source's owner whether it stays so; then adapt the contract, or have it undone.",
)
SOURCE_SHRUNK = Kind(
    "source_shrunk",
    "A source has lost or changed part of a day that was loaded before; what was loaded still counts.",
    "Ask the source's owner whether it stays so. If not, do nothing: the day is read again while it lies within the lookback.",
    may_wake=False,
)
PROFIT_DROP = Kind(
    "profit_drop",
    "Net profit of a month fell by more than the limit.",
    "Make sure that it is no gap in the data (runbook), then tell the owners of profit.",
    may_wake=False,
    is_news=True,
)
RESTATEMENT_WAITING = Kind(
    "restatement_waiting",
    "Not built yet, so nobody is told this: a new computation would change figures that investors were told.",
    "Nothing waits for approval: restated figures are published as soon as their checks have passed.",
    may_wake=False,
)
ALERT_PATH_FAILED = Kind(
    "alert_path_failed",
    "Alerts do not get through, or nobody looks: a channel, the ledger or a part of Airflow is down.",
    "See what is down above and mend it; until then look at the board yourself.",
)

KINDS = {
    kind.name: kind
    for kind in (
        LANDING_MISSED,
        DATA_PARTIAL,
        DATA_STALE,
        CONTRACT_BROKEN,
        CONTRACT_NOT_CHECKED,
        TASK_FAILED,
        SOURCE_MISSING,
        SCHEMA_CHANGED,
        SOURCE_SHRUNK,
        BACKFILL_FAILED,
        PROFIT_DROP,
        RESTATEMENT_WAITING,
        ALERT_PATH_FAILED,
    )
}
# The data of the day is not there: what depends on it is late for the same reason.
HOLDS_DATA_BACK = {
    kind.name for kind in (LANDING_MISSED, CONTRACT_BROKEN, CONTRACT_NOT_CHECKED, TASK_FAILED, SOURCE_MISSING, SCHEMA_CHANGED)
}

# Taken and still not over: after this time everybody is told anew, by tier.
REARM_AFTER = {1: timedelta(hours=4), 2: timedelta(hours=24)}

# Each failed run of a backfill is a fact of its own, by its day: facts are merged by name, also those told at the same time.
FAILED_DAY = "failed "


def failed_runs(facts: Mapping[str, Any]) -> dict[date, str]:
    """The runs of a backfill that have failed, by day."""
    told = {name.removeprefix(FAILED_DAY): run for name, run in facts.items() if name.startswith(FAILED_DAY)}
    return {date.fromisoformat(day): run for day, run in told.items()}


def failed_days(facts: Mapping[str, Any]) -> list[date]:
    """The days of a backfill whose runs have failed, in order."""
    return sorted(failed_runs(facts))


def range_of(first: date, last: date) -> dict[str, str]:
    """The facts that say which days an incident is about, both included, where they are more than its own day."""
    return {"from": str(first), "to": str(last)}


def days_of(incident: Incident) -> Interval:
    """The days to compute again when what is wrong is mended: those that its facts name, else its own."""
    if failed := failed_days(incident.facts):
        return Interval(failed[0], failed[-1] + DAY)
    first, last = (date.fromisoformat(incident.facts.get(name, str(incident.ds))) for name in ("from", "to"))
    return Interval(first, last + DAY)
