"""What somebody on call does by hand: compute days again, or a failed run, and see how it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from rich.text import Text

from headline.errors import BadRequest
from headline.local.job import Watched, watch
from headline.local.screen import Screen
from headline.remote.client import Airflow, airflow, home_of


def trigger(
    pipelines: Sequence[str], first: date | None, last: date | None, accept: str = "", figures: Sequence[str] = ()
) -> None:
    """Run pipelines for the days `first` to `last` (both included; yesterday where none is given), each after those it reads.

    Whatever order they are named in, each begins when the one before has succeeded; the first that fails ends it. What a run
    waits for that none of them brings is told. `accept`: why unusual figures are right: those named by `figures`, else all that
    are open now, which are told. Raises BadRequest for days that no run may have, for a pipeline that does not exist or is
    paused, since its run would only wait, and where there is nothing to waive.
    """
    if figures and not accept.strip():
        raise BadRequest('say why these figures are right: --accept "a sale"')
    if accept.strip() and not first:
        raise BadRequest("say with --from and --to which days the waived figures belong to")
    days = {name: str(day) for name, day in (("from", first), ("to", last or first)) if day}
    with airflow("a waiver" if accept.strip() else "a run", is_named=bool(accept.strip())) as api:
        known = {dag["dag_id"]: dag for dag in api.dags()}
        for pipeline in pipelines:
            if pipeline not in known:
                raise BadRequest(f"there is no DAG {pipeline}; there are: {', '.join(known)}")
            if known[pipeline]["is_paused"]:
                raise BadRequest(f"{pipeline} is paused, its run would only wait: headline unpause {pipeline}")
        found = api.order(list(pipelines), days)
        conf: dict[str, Any] = days | _waiver(pipelines, days, accept.strip(), figures, found["figures"])
        for note in found["notes"]:
            Screen().say(note)
        for pipeline in found["order"]:
            for line in api.waits(pipeline, days):
                Screen().say(line)
            follow(api, api.trigger(pipeline, conf=conf))


def _waiver(
    pipelines: Sequence[str], days: Mapping[str, str], reason: str, figures: Sequence[str], open_now: Sequence[str]
) -> dict[str, Any]:
    """The params that waive figures; none without a reason."""
    if not reason:
        return {}
    if unknown := [name for name in figures if name not in open_now]:
        listed = ["held back are:", *(f"  {name}" for name in open_now)] if open_now else ["nothing is held back"]
        raise BadRequest("\n".join(["no run has found these figures, or they have changed since:", *unknown, *listed]))
    if not open_now:
        held = f"no unusual figure of {', '.join(pipelines)} is held back from {days['from']} to {days['to']}"
        raise BadRequest(f"{held}: there is nothing to waive")
    chosen = list(figures or open_now)
    Screen().say("\n".join(["waived:", *(f"  {name}" for name in chosen)]))
    return {"accept": reason, "figures": chosen}


def retry(pipeline: str) -> None:
    """Clear the whole newest failed run of a pipeline: its results are computed again, from the newest inputs."""
    with airflow("a run") as api:
        failed = api.runs(pipeline, state="failed", limit=1)
        if not failed:
            raise BadRequest(f"{pipeline}: no run has failed; to compute days again: headline trigger {pipeline} --from … --to …")
        api.clear(pipeline, failed[0]["dag_run_id"], only_failed=False)
        follow(api, failed[0])


def unpause(pipeline: str) -> None:
    """Let the schedule of a pipeline go on; days that were missed follow by themselves."""
    with airflow("the start of a schedule") as api:
        api.unpause(pipeline)
        Screen().say(f"{pipeline} is no longer paused")


def follow(api: Airflow, run: Mapping[str, Any]) -> None:
    """Show a run until it ends; raises HeadlineError with the cause where it fails."""
    screen, dag_id, run_id = Screen(), run["dag_id"], run["dag_run_id"]
    screen.console.print(Text(api.address(dag_id, run_id)), soft_wrap=True)
    watch(home_of(api), api, "run", [Watched(dag_id, run_id)], screen)
