"""What to do first about an incident: it follows from what is known of the cause, not from the kind alone."""

from __future__ import annotations

from collections.abc import Sequence

from headline.alerts.kinds import KINDS, failed_days
from headline.ledger.incidents import Incident

ANOMALY = "anomaly"


def first_step(incident: Incident, sources: Sequence[str]) -> str:
    """One or two sentences with the commands to type; `sources`: where the pipeline's rows come from, itself included.

    Clearing a run computes from what was ingested; where the source was mended it must be read again.
    """
    facts, who, day = incident.facts, incident.pipeline, incident.ds
    read_again = f"headline trigger {' '.join(dict.fromkeys([*sources, who]))} --from {day} --to {day}"
    match incident.kind:
        case "contract_broken" if _is_unusual(facts.get("checks", [])):
            return (
                f"Is the figure right (a sale, a holiday)? Then trigger {who} from {day} to {day} and say why under «Accept "
                "unusual figures»; what is computed from it for that day is accepted too. If it is wrong, mend the source, "
                f"then: {read_again}"
            )
        case "contract_broken":
            return (
                f"Look at the rows above. When the source is mended: {read_again}. When SQL or contract are: headline retry {who}"
            )
        case "contract_not_checked" | "task_failed":
            return f"{KINDS[incident.kind].first_step.rstrip('.')}: headline retry {who}"
        case "source_missing":
            return f"Ask the source's owner. When it is there: headline trigger {who} --from {day} --to {day}"
        case "landing_missed" if waits_for := facts.get("waits_for"):
            return (
                f"Wait: {who} computes {day} as soon as {', '.join(waits_for)} is there. Look at that pipeline, not at this one."
            )
        case "data_partial":
            return f"{KINDS[incident.kind].first_step} At once: {read_again}"
        case "backfill_failed" if failed := failed_days(facts):
            days = f"--from {failed[0]} --to {failed[-1]}"
            return f"Read in the log of {failed[0]} why and mend it, then: headline trigger {who} {days}"
        case _:
            return KINDS[incident.kind].first_step


def _is_unusual(checks: Sequence[dict[str, object]]) -> bool:
    """Whether nothing failed but checks of kind anomaly, which a person may accept."""
    return bool(checks) and all(check.get("kind") == ANOMALY for check in checks)
