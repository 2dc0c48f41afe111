"""What a finding follows from: people hear of the root alone."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import replace
from datetime import date
from typing import Any

from headline.ledger.incident import Finding, Incident, Key
from headline.specs import reached

# Found within the pipeline itself, these say why its day has not landed, the likeliest first.
DIRECT_CAUSES = ("schema_changed", "source_missing", "contract_failed", "contract_not_evaluated", "task_failed")
HOLDS_BACK = (*DIRECT_CAUSES, "landing_missed")
# What each kind may follow from: within the pipeline itself, and in one that its rows come from. A kind that is not here is
# always a root: figures and approvals are judged by people, and the path of alerts depends on no data.
CAUSES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "landing_missed": (DIRECT_CAUSES, HOLDS_BACK),
    "data_stale": (HOLDS_BACK, (*HOLDS_BACK, "data_stale")),
    "data_partial": (("schema_changed", "source_missing"), ("data_partial", "schema_changed", "source_missing")),
    "backfill_failed": ((), ("backfill_failed",)),
    "source_missing": (("schema_changed",), ()),
    "contract_failed": (("schema_changed", "source_missing"), HOLDS_BACK),
    "contract_not_evaluated": (("schema_changed", "source_missing", "contract_failed"), (*HOLDS_BACK, "data_stale")),
    "task_failed": (("schema_changed", "source_missing", "contract_failed", "contract_not_evaluated"), HOLDS_BACK),
}


def with_causes(
    found: Sequence[Finding], incidents: Collection[Incident], inputs: Mapping[str, set[str]], yesterday: date
) -> list[Finding]:
    """Findings, each with the finding or open incident that it follows from. `inputs`: by pipeline, those that it waits for."""
    everything: list[Finding | Incident] = [*incidents, *found]
    known = {one.key for one in everything if not lets_through(one.facts)}
    already_open = {incident.key for incident in incidents}
    causes = {finding.key: cause_of(finding.key, known, inputs) for finding in found}
    for pipeline, kind, ds in list(causes):
        # Nobody looked for days: the newest of them is told, the others hang on it.
        newest = (pipeline, kind, yesterday)
        if kind == "landing_missed" and ds < yesterday and newest in causes and (pipeline, kind, ds) not in already_open:
            causes[pipeline, kind, ds] = causes[newest] or newest
    return [_with_cause(finding, causes[finding.key]) for finding in found]


def cause_of(key: Key, known: Set[Key], inputs: Mapping[str, set[str]]) -> Key | None:
    """The known finding at the root of this one: something else in the same pipeline, or in one that its rows come from, the
    nearest first.

    Other columns hold back the days after them too, and what is stale is one finding for many days. `inputs`: by pipeline, those
    that it waits for.
    """
    pipeline, kind, ds = key
    own, upstream = CAUSES.get(kind, ((), ()))
    lasting = {
        (one, which): day
        for one, which, day in sorted(known)
        if (which == "schema_changed" and day < ds) or which == "data_stale"
    }
    candidates = [(pipeline, direct) for direct in own]
    candidates += [(one, held) for one in reached(pipeline, lambda one: inputs.get(one, ())) for held in upstream]
    for candidate in candidates:
        cause = (*candidate, ds) if (*candidate, ds) in known else (*candidate, lasting.get(candidate, ds))
        if cause in known:
            return cause_of(cause, known, inputs) or cause
    return None


def _with_cause(finding: Finding, cause: Key | None) -> Finding:
    """The finding with what it follows from; of what has not landed the fact `cause` tells in a word why.

    It waits (an input is not there), has failed (the day's own incident says why), or is late (its inputs are there, and nothing
    has failed). What was computed before its inputs changed is behind, which is a kind of its own.
    """
    if finding.kind != "landing_missed":
        return replace(finding, cause=cause)
    is_own = cause is not None and cause[0] == finding.pipeline and cause[1] != "landing_missed"
    why = "failed" if is_own else "waits" if finding.facts.get("waits_for") else "late"
    return replace(finding, cause=cause, facts=finding.facts | {"cause": why})


def lets_through(facts: Mapping[str, Any]) -> bool:
    """A changed schema that holds nothing back: it is told, and nothing follows from it."""
    return facts.get("blocking") is False
