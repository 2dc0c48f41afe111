"""What to do first about an incident: it follows from what is known of the cause, not from the kind alone."""

from __future__ import annotations

from collections.abc import Sequence
from shlex import join
from typing import Any

from headline.incidents.kinds import KINDS, days_of
from headline.intervals import DAY, Interval
from headline.ledger.incident import Incident

ANOMALY = "anomaly"


def first_step(incident: Incident, sources: Sequence[str]) -> str:
    """What to do, a line for each case, with the commands to type.

    `sources`: where the pipeline's rows come from, itself included. Clearing a run computes from what was ingested; where the
    source was fixed it must be read again.
    """
    facts, who, days = incident.facts, incident.pipeline, days_of(incident)
    read_again = f"run the source again for these days: {trigger_command([*sources, who], days)}"
    retry = f"headline retry {who}"
    match incident.kind:
        case "contract_failed" if _is_unusual(facts.get("checks", [])):
            return _lines(
                _inspect(facts),
                "If the figure is right (a sale, a holiday): say why under «Waive» on this incident's page, or: "
                f'{trigger_command([who], days)} --accept "why it is right"',
                f"If it is wrong and the source is fixed: {read_again}",
            )
        case "contract_failed":
            return _lines(_inspect(facts), f"When the source is fixed: {read_again}", f"When SQL or contract are fixed: {retry}")
        case "contract_not_evaluated" if behind := facts.get("behind"):
            return f"Nothing is known to be wrong: {', '.join(behind)} must run first. {trigger_command([*behind, who], days)}"
        case "contract_not_evaluated" | "task_failed":
            return f"{KINDS[incident.kind].first_step.rstrip('.')}: {retry}"
        case "source_missing":
            return f"Ask the source's owner. When it is there: {trigger_command([who], days)}"
        case "source_shrunk":
            return _lines(KINDS[incident.kind].first_step, f"If it stays so, take the day as it is: {read_again}")
        case "landing_missed" if facts.get("cause") == "failed":
            return f"See the incident that caused this one; {who} computes {incident.ds} when that is fixed."
        case "landing_missed" if waits_for := facts.get("waits_for"):
            there = ", ".join(waits_for)
            return f"Wait: {who} computes {incident.ds} as soon as {there} is there. Look at that pipeline, not at this one."
        case "landing_missed" if facts.get("cause") == "late":
            return (
                f"Open the DAG: if it is at work, wait; if it is paused: headline unpause {who}; if it has no run: "
                f"{trigger_command([who], days)}"
            )
        case "data_stale":
            return f"If the DAG is paused: headline unpause {who}. Then compute these days: {trigger_command([who], days)}"
        case "data_partial":
            return f"{KINDS[incident.kind].first_step} At once: {read_again}"
        case "backfill_failed":
            return f"Read the reason in the log of {days.start}, fix it, then: {trigger_command([who], days)}"
        case "backfill_stranded":
            return f"headline backfill free {who}, then compute their days: {trigger_command([who], days)}"
        case _:
            return KINDS[incident.kind].first_step


def _is_unusual(checks: Sequence[dict[str, object]]) -> bool:
    """Whether nothing failed but checks of kind anomaly, which a person may waive."""
    return bool(checks) and all(check.get("kind") == ANOMALY for check in checks)


def _inspect(facts: dict[str, Any]) -> str:
    """How to see what was held back beside what is published: rows added, removed and changed, by key."""
    if not (table := facts.get("table")):
        return "Read the end of the log."
    command = ["headline", "inspect", table, *([facts["run_id"]] if facts.get("run_id") else [])]
    return f"See its rows beside what is published: {join(command)}"


def trigger_command(pipelines: Sequence[str], days: Interval) -> str:
    """The command that runs pipelines one after the other for these days."""
    return f"headline trigger {' '.join(dict.fromkeys(pipelines))} --from {days.start} --to {days.end - DAY}"


def _lines(*lines: str) -> str:
    return "\n".join(lines)
