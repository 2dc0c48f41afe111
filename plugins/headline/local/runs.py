"""What somebody on call does by hand: compute days again, or a failed run, and see how it ends."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any
from urllib.parse import quote

import httpx
from rich.text import Text

from headline import settings, specs
from headline.airflow_api import AirflowApi
from headline.errors import BadRequest
from headline.intervals import DAY, Interval, business_day, requested_interval
from headline.local.figures import open_figures
from headline.local.home import Home
from headline.local.job import Watched, watch
from headline.local.order import notes, ordered, waits
from headline.local.screen import Screen


def trigger(
    pipelines: Sequence[str], first: date | None, last: date | None, accept: str = "", figures: Sequence[str] = ()
) -> None:
    """Run pipelines for the days `first` to `last` (both included; yesterday where none is given), each after those it reads.

    Whatever order they are named in, each begins when the one before has succeeded; the first that fails ends it. What a run
    waits for that none of them brings is told. `accept`: why unusual figures are right: those
    named by `figures`, else all that are open now, which are told. Raises BadRequest for days that no run may have, for a
    pipeline that does not exist or is paused, since its run would only wait, and where there is nothing to waive.
    """
    conf: dict[str, Any] = {name: str(day) for name, day in (("from", first), ("to", last or first)) if day}
    if first:
        _require_possible(conf["from"], conf["to"])
    with _airflow() as api:
        known = {dag["dag_id"]: dag for dag in api.dags()}
        for pipeline in pipelines:
            if pipeline not in known:
                raise BadRequest(f"there is no DAG {pipeline}; there are: {', '.join(known)}")
            if known[pipeline]["is_paused"]:
                raise BadRequest(f"{pipeline} is paused, its run would only wait: headline unpause {pipeline}")
        conf |= _waiver(pipelines, first, last or first, accept, figures)
        catalog = specs.load_sound()
        order = ordered(catalog, pipelines)
        for note in notes(catalog, pipelines, order):
            Screen().say(note)
        begin = first or business_day(datetime.now(UTC), settings.load().reporting_zone) - DAY
        for pipeline in order:
            for line in waits(catalog, pipeline, begin, last or begin):
                Screen().say(line)
            _follow(api, api.trigger(pipeline, conf=conf))


def _require_possible(first: str, last: str) -> None:
    """The run itself would refuse these days too, only later."""
    limits = settings.load()
    today = business_day(datetime.now(UTC), limits.reporting_zone)
    requested_interval(first, last, Interval(today - DAY, today), today, limits.first_day, limits.most_days)


def _waiver(
    pipelines: Sequence[str], first: date | None, last: date | None, accept: str, figures: Sequence[str]
) -> dict[str, Any]:
    """The params that waive figures; none without a reason."""
    if not accept.strip():
        if figures:
            raise BadRequest('say why these figures are right: --accept "a sale"')
        return {}
    if not first or not last:
        raise BadRequest("say with --from and --to which days the waived figures belong to")
    open_now = open_figures(pipelines, first, last)
    if unknown := [name for name in figures if name not in open_now]:
        told = ["no run has found these figures, or they have changed since:", *unknown]
        raise BadRequest("\n".join([*told, *_listed(open_now)]))
    if not open_now:
        raise BadRequest(
            f"no unusual figure of {', '.join(pipelines)} is held back from {first} to {last}: there is nothing to waive"
        )
    chosen = list(figures) or open_now
    Screen().say("\n".join(["waived:", *(f"  {name}" for name in chosen)]))
    return {"accept": accept.strip(), "figures": chosen}


def _listed(names: Sequence[str]) -> list[str]:
    return ["held back are:", *(f"  {name}" for name in names)] if names else ["nothing is held back"]


def retry(pipeline: str) -> None:
    """Clear the whole newest failed run of a pipeline: its results are computed anew, from the newest inputs."""
    with _airflow() as api:
        failed = api.runs(pipeline, state="failed", limit=1)
        if not failed:
            raise BadRequest(f"{pipeline}: no run has failed; to compute days again: headline trigger {pipeline} --from … --to …")
        api.clear(pipeline, failed[0]["dag_run_id"], only_failed=False)
        _follow(api, failed[0])


def unpause(pipeline: str) -> None:
    """Let the schedule of a pipeline go on; days that were missed follow by themselves."""
    with _airflow() as api:
        api.unpause(pipeline)
        Screen().say(f"{pipeline} is no longer paused")


@contextmanager
def _airflow() -> Iterator[AirflowApi]:
    environment = Home.current().environment()
    if not environment:
        raise BadRequest(f"{Home.current().path} holds no Airflow: name its home with HEADLINE_HOME, or make run")
    try:
        with AirflowApi.of(environment) as api:
            yield api
    except httpx.TransportError as error:
        raise BadRequest(f"Airflow does not answer ({error}): make status says what runs, make run starts it") from error


def _follow(api: AirflowApi, run: Mapping[str, Any]) -> None:
    """Show a run until it ends; raises HeadlineError with the cause where it fails."""
    screen, home = Screen(), Home.current()
    dag_id, run_id = run["dag_id"], run["dag_run_id"]
    url = f"{home.environment()['AIRFLOW__API__BASE_URL']}/dags/{dag_id}/runs/{quote(run_id, safe='')}"
    screen.console.print(Text(url), soft_wrap=True)
    watch(home, api, "run", [Watched(dag_id, run_id)], screen)
