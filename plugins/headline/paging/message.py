"""The text of an alert: a pure function of an incident and its surroundings; short enough for a phone, without secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from headline.incidents.first_step import first_step
from headline.incidents.kinds import KINDS, failed_days
from headline.ledger.figures import key_of
from headline.ledger.incident import Incident
from headline.redaction import redact

SUBJECT_LENGTH = 70
SHORT_LENGTH = 300  # two SMS
LINE_LENGTH = 300
SHOWN = 3
ANCHOR = 16  # characters of a hash; `headline figures verify` asks for 12 at least
_DECIMALS = re.compile(r"(?<=\d\.\d\d)\d{3,}$")  # of a score; money has four at most


@dataclass(frozen=True)
class Message:
    """One alert as it is sent: `subject` of up to 70 characters, `short` for a phone, `text` for e-mail."""

    subject: str
    short: str
    text: str


@dataclass(frozen=True)
class Surroundings:
    """What the incident alone does not know: the readers behind its pipeline, its tier, what it has caused, the UI's address, and
    the sources that its rows come from. `chain_head`: of issued figures, empty where it is not known."""

    tier: int
    readers: Sequence[str]
    hanging: Sequence[Incident]
    base_url: str
    sources: Sequence[str] = ()
    chain_head: str = ""


def compose(incident: Incident, around: Surroundings) -> Message:
    """The message about one incident, from its facts as `phase.present` leaves them; the same for everybody who is notified."""
    kind = KINDS[incident.kind]
    anchor = f"Head of issued figures: {around.chain_head[:ANCHOR]}" if around.chain_head else ""
    is_drill = bool(incident.facts.get("drill"))
    what = "This is a drill: show that it reached you" if is_drill else _what(incident)
    subject = "Drill: acknowledge this alert" if is_drill else _cut(f"T{around.tier} {_what_shortly(incident)}", SUBJECT_LENGTH)
    cause = "nothing is wrong" if is_drill else likely_cause(incident.facts)
    impact = _names(around.readers)
    places = links(incident, around.base_url)
    acknowledge = places["Acknowledge"]
    if not is_drill:
        places |= affected(around)
    lines = [
        f"{what}.",
        f"Day: {incident.ds}. Since: {incident.since.astimezone(UTC):%Y-%m-%d %H:%M} UTC.",
        f"Impact: {impact}." if impact else "",
        f"Likely cause: {cause}" if cause else "",
        *more_lines(incident.facts),
        f"{len(around.hanging)} more incident(s) caused by this one: {_names([_label(one) for one in around.hanging])}."
        if around.hanging
        else "",
        *_first("acknowledge it; nothing else" if is_drill else first_step(incident, around.sources)),
        anchor,
        "",
        *(f"{name}: {url}" for name, url in places.items()),
    ]
    before_links = len(lines) - len(places) - 1
    text = "\n".join(line for number, line in enumerate(lines) if line or number == before_links)
    end = "\n".join(["", *([anchor] if anchor else ()), f"Acknowledge: {acknowledge}"])
    short = _cut(f"{subject}. {cause or kind.meaning}", SHORT_LENGTH - len(end)) + end
    return Message(redact(subject), redact(short), redact(text))


def links(incident: Incident, base_url: str) -> dict[str, str]:
    """Where to act and to look, by what it is: acknowledge first, then run and log where a run is known, and what to do."""
    base, facts = base_url.rstrip("/"), incident.facts
    found = {"Acknowledge": f"{base}/headline/incidents/{incident.id}"}
    dag = f"{base}/dags/{quote(incident.pipeline)}"
    if run_id := facts.get("run_id"):
        run = f"{dag}/runs/{quote(run_id, safe='')}"
        found["Run"] = run
        if task_id := facts.get("task_id"):
            found["Log"] = f"{run}/tasks/{quote(task_id)}"
    else:
        found["DAG"] = dag
    found["What to do"] = f"{base}/headline/alerts/{quote(incident.kind)}"
    if incident.kind != "alert_path_failed":  # of the watch itself the page of its kind says all
        place = "#when-a-check-fails" if facts.get("checks") else ""
        found["Runbook"] = f"{base}/headline/runbooks/{quote(incident.pipeline)}{place}"
    return found


def affected(around: Surroundings) -> dict[str, str]:
    """Where to look at the impact, up to six of each: the incidents that it has caused, and the downstream pipelines."""
    base = around.base_url.rstrip("/")
    hanging = {
        f"Caused by this: {_label(one)} {one.ds}": f"{base}/headline/incidents/{one.id}" for one in around.hanging[: 2 * SHOWN]
    }
    readers = {f"Impact: {one}": f"{base}/headline/board?dag_id={quote(one)}" for one in around.readers[: 2 * SHOWN]}
    return hanging | readers


def likely_cause(facts: Mapping[str, Any]) -> str:
    """What is known of why: the failing task, check and keys, or what is waited for. One line of up to 300 characters."""
    parts = []
    if task_id := facts.get("task_id"):
        parts.append(f"task {task_id} failed" + (f" at try {facts['try_number']}" if facts.get("try_number") else ""))
    for check in facts.get("checks", [])[:SHOWN]:
        keys = "; ".join(
            ", ".join(f"{name}={'NULL' if value is None else _DECIMALS.sub('', str(value))}" for name, value in row.items())
            for row in map(_told, check["sample"][:SHOWN])
        )
        limit = f", {check['threshold']}" if check.get("threshold") else ""
        found = f"«{check['name']}»: {check['measured']} found{limit}" if check.get("measured") else f"«{check['name']}»"
        parts.append(found + (f", such as {keys}" if keys else ""))
    if changes := facts.get("changes"):
        parts.append("; ".join(changes[:SHOWN]))
    if slow := facts.get("slow"):
        parts += [
            f"{one['task_id']} runs since {_clock(one['since'])}, usually {one['usual_minutes']} min" for one in slow[:SHOWN]
        ]
    if facts.get("at_it_since") and facts.get("phase") == "at_risk":
        parts.append(
            f"its inputs are published since {_clock(facts['at_it_since'])}; a run usually takes {facts['usual_minutes']} min"
        )
    if waits_for := facts.get("waits_for"):
        parts.append(f"waits for {_names(waits_for)}")
    elif facts.get("cause") == "failed":
        parts.append("its run failed")
    elif facts.get("missing") and not parts:
        parts.append("late: its inputs are published and no task failed; its run has not ended, is paused or was not created")
    if behind := facts.get("behind"):
        parts.append(f"{_names(behind)} is behind its inputs")
    if down := facts.get("down"):
        parts += [f"{name}: {error}" for name, error in sorted(down.items())]
    if requester := facts.get("requester"):
        parts.append(f"requested by {requester}")
    if error := facts.get("error"):
        parts.append(" ".join(str(error).split()))
    return _cut("; ".join(parts), LINE_LENGTH)


def _told(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """What of a row that a check has found says what is wrong: of an unusual figure its key, and what was expected."""
    if "finding" not in row:
        return row
    return {**key_of(dict(row)), "value": row.get("value"), "expected": row.get("expected")}


def more_lines(facts: Mapping[str, Any]) -> list[str]:
    """An error of several lines, indented; an error of one line is in the likely cause already."""
    said = [line.rstrip() for line in str(facts.get("error", "")).splitlines() if line.strip()]
    return [f"  {line}" for line in said] if len(said) > 1 else []


def _first(step: str) -> list[str]:
    """The next step, its further lines indented."""
    first, *more = step.splitlines()
    return [f"Next step: {first}", *(f"  {line}" for line in more)]


def _what_shortly(incident: Incident) -> str:
    facts, who, day = incident.facts, incident.pipeline, f"{incident.ds:%m-%d}"
    match incident.kind:
        case "landing_missed" if facts.get("phase") == "at_risk":
            return f"{who} {day} will be late"
        case "data_partial":
            return f"{who} {day} is partial"
        case "backfill_failed":
            return f"{who}: {len(failed_days(facts))} day(s) of a backfill failed"
        case "backfill_stranded":
            return f"{who}: {facts.get('queued_count', 'some')} run(s) of a backfill can never start"
        case "landing_missed":
            return f"{who} {day} has not landed"
        case "contract_failed":
            return f"{facts.get('table', who)} {day} failed its checks"
        case "contract_not_evaluated":
            return f"{facts.get('table', who)} {day} was not evaluated"
        case "source_missing":
            return f"{facts.get('landing', who)} {day} is missing"
        case "schema_changed":
            return f"{facts.get('landing', who)} {day} has schema drift"
        case "source_shrunk":
            return f"{who} has lost part of {day} since it was loaded"
        case "task_failed":
            return f"{who} {day} failed: {facts.get('task_id', 'a task')}"
        case "data_stale":
            return f"{who} is stale"
        case "profit_drop":
            return f"Profit drop in {incident.ds:%Y-%m}"
        case "restatement_waiting":
            return f"{who}: a restatement waits for approval"
        case _:
            return f"Alerts fail: {_names(sorted(facts.get('down', {}))) or who}"


def _what(incident: Incident) -> str:
    """One sentence, without its full stop."""
    facts = incident.facts
    match incident.kind:
        case "landing_missed" if facts.get("phase") == "at_risk" and (expected := facts.get("expected_at")):
            return f"{incident.pipeline} will land {incident.ds} at about {_clock(expected)}, after {_clock(facts['deadline'])}"
        case "landing_missed" if facts.get("phase") == "at_risk":
            return f"{incident.pipeline} takes much longer than usual for {incident.ds}"
        case "data_partial" if facts.get("partial"):
            shares = ", ".join(f"{table} {share:.1%}" for table, share in sorted(facts["partial"].items()))
            return f"{incident.pipeline} has published {incident.ds} as partial: coverage {shares}"
        case "landing_missed":
            return f"{incident.pipeline} has not landed {incident.ds}; {_names(facts.get('missing', []))} missing"
        case "backfill_failed" if failed := failed_days(facts):
            return f"{incident.pipeline}: runs of a backfill failed for {len(failed)} day(s), from {failed[0]} to {failed[-1]}"
        case "restatement_waiting" if facts.get("figure"):
            moved = f"{facts['figure']} from {facts['old']} to {facts['new']} ({facts['comes_from']})"
            return f"{incident.pipeline}: request {facts['request']} waits for approval; it would move {moved}"
        case "data_stale":
            days = f"{facts.get('day_count', '')} day(s), from {facts['days'][0]}" if facts.get("days") else "days"
            return f"{incident.pipeline}: {days}, were computed before their inputs changed"
        case _:
            return f"{_what_shortly(incident)}. {KINDS[incident.kind].meaning.rstrip('.')}"


def _label(incident: Incident) -> str:
    return f"{incident.pipeline} {incident.kind}"


def _clock(moment: str) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(UTC):%H:%M} UTC"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - 2 * SHOWN} more" if len(names) > 2 * SHOWN else ""
    return ", ".join(names[: 2 * SHOWN]) + more


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1].rstrip() + "…"
