"""The kinds of alert: a closed list, each with what it means and what to do first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from headline.intervals import DAY, Interval

if TYPE_CHECKING:
    from headline.ledger.incident import Incident


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
    "Yesterday was not published by its landing deadline.",
    "Open the DAG: is it paused, waiting or red? What it waits for is named above; clear what failed.",
)
DATA_PARTIAL = Kind(
    "data_partial",
    "A day is published as partial: rows of it are quarantined or missing, and readers see it flagged.",
    "See the reasons in the quarantine, and ask the source's owner to fix the rows; the next run reads them.",
    may_wake=False,
    is_news=True,
)
BACKFILL_FAILED = Kind(
    "backfill_failed",
    "Runs of a backfill have failed; what was published before is still there.",
    "Read the reason in the log of the first of these days, fix it, then compute the days again.",
    may_wake=False,
    is_news=True,
)
BACKFILL_STRANDED = Kind(
    "backfill_stranded",
    "Runs of Airflow's own backfill are queued and can never start: the backfill that they belong to has ended.",
    "Free them, so that nothing waits for them; then compute their days as a range.",
    may_wake=False,
)
DATA_STALE = Kind(
    "data_stale",
    "Published days are stale: their inputs changed after they were computed, and the next run is overdue.",
    "Unpause the DAG if it is paused, then trigger it with From and To over the days named above.",
    may_wake=False,
)
CONTRACT_FAILED = Kind(
    "contract_failed",
    "A check of a table's contract failed: the data is bad and nothing of it was published.",
    "Look at the rows with the keys above: fix the source or the SQL, then clear the run.",
)
CONTRACT_NOT_EVALUATED = Kind(
    "contract_not_evaluated",
    "A contract was not evaluated, so nothing is known about the data and nothing was published.",
    "Read the end of the log: fix the contract or the warehouse, then clear the run.",
)
TASK_FAILED = Kind(
    "task_failed",
    "A task failed: retries are exhausted, or the error cannot be fixed by a retry.",
    "Read the end of the log, then clear the task.",
)
SOURCE_MISSING = Kind(
    "source_missing",
    "A day of a source is missing, and the automatic attempts to read it again have failed.",
    "Ask the source's owner. When the data is there, trigger the source's DAG for the day.",
)
SCHEMA_CHANGED = Kind(
    "schema_changed",
    "Schema drift: a source arrived with other columns than agreed; the files are kept.",
    "Ask the source's owner whether the change stays; then edit the contract, or have it undone.",
)
SOURCE_SHRUNK = Kind(
    "source_shrunk",
    "A source has lost or changed part of a loaded day; the loaded day is still used.",
    "Ask the source's owner whether the change stays. If not, do nothing: the day is read again within the lookback.",
    may_wake=False,
)
PROFIT_DROP = Kind(
    "profit_drop",
    "Net profit of a month fell by more than the limit.",
    "Make sure that no data is missing (runbook), then notify the owners of profit.",
    may_wake=False,
    is_news=True,
)
RESTATEMENT_WAITING = Kind(
    "restatement_waiting",
    "A run would have moved figures that were reported to investors by more than their limit; it has published nothing.",
    "Read the request (headline figures request N): somebody who did not ask for it approves or refuses it in approve_figures.",
    may_wake=False,
)
ALERT_PATH_FAILED = Kind(
    "alert_path_failed",
    "Alerts are not delivered, or the watch does not run: a channel, the ledger or a part of Airflow is down.",
    "Fix what is named above; until then look at the board yourself.",
)

KINDS = {
    kind.name: kind
    for kind in (
        LANDING_MISSED,
        DATA_PARTIAL,
        DATA_STALE,
        CONTRACT_FAILED,
        CONTRACT_NOT_EVALUATED,
        TASK_FAILED,
        SOURCE_MISSING,
        SCHEMA_CHANGED,
        SOURCE_SHRUNK,
        BACKFILL_FAILED,
        BACKFILL_STRANDED,
        PROFIT_DROP,
        RESTATEMENT_WAITING,
        ALERT_PATH_FAILED,
    )
}
# What kinds were called before; links in messages that were sent lead to them.
FORMER = {"contract_broken": "contract_failed", "contract_not_checked": "contract_not_evaluated"}
# The data of the day is not there: what depends on it is late for the same reason.
HOLDS_DATA_BACK = {
    kind.name for kind in (LANDING_MISSED, CONTRACT_FAILED, CONTRACT_NOT_EVALUATED, TASK_FAILED, SOURCE_MISSING, SCHEMA_CHANGED)
}

# Acknowledged and still open: after this time everybody is notified again, by tier.
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
    """The days to compute again when what is wrong is fixed: those that its facts name, else its own."""
    if failed := failed_days(incident.facts):
        return Interval(failed[0], failed[-1] + DAY)
    first, last = (date.fromisoformat(incident.facts.get(name, str(incident.ds))) for name in ("from", "to"))
    return Interval(first, last + DAY)
