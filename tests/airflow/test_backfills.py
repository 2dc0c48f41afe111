"""Airflow's own backfill, a run a day, however somebody fills in its form."""

from __future__ import annotations

from datetime import UTC, datetime, time
from itertools import product

from tests.airflow.world import DAGS, YESTERDAY, Deployment

from headline import specs
from headline.intervals import DAY
from headline.ledger import Ledger, behind
from headline.pipeline.fingerprints import verify_published
from headline.warehouse import open_warehouse

FIRST = YESTERDAY - DAY
# All pipelines at once, each with choices of its own, so that every value of a choice meets most of the others.
ALL = list(product((1, 3, 16), ("completed", "failed", "none"), (False, True)))
CHOICES = {dag_id: ALL[5 * number % len(ALL)] for number, dag_id in enumerate(sorted(DAGS, key=lambda one: one != "shop"))}
A_SALE = f"select min(order_id) from orders where cast(ordered_at as date) = date '{FIRST}'"


def test_a_backfill_however_it_is_asked_for_beside_the_schedules_runs(airflow: Deployment) -> None:
    """A correction arrives at the shop meanwhile. Afterwards a range over all days finds nothing to change."""
    assert all({choices[place] for choices in CHOICES.values()} == {one[place] for one in ALL} for place in range(3))
    assert CHOICES["shop"][1] == "completed", "what arrives there is looked for on days that have a run already"
    before = Ledger().newest_version()
    assert airflow.in_shop(f"update order_items set quantity = quantity + 1 where order_id = ({A_SALE}) returning order_id")
    backfills = [backfill(airflow, dag_id, *choices) for dag_id, choices in CHOICES.items()]
    scheduled = {dag_id: run_of_the_schedule(airflow, dag_id) for dag_id in DAGS}
    for one in backfills:  # Airflow refuses another one of the DAG until then
        airflow.backfilled(one)
    for dag_id, run_id in scheduled.items():
        airflow.finish(dag_id, run_id)
    made = [run for dag_id in DAGS for run in airflow.api.runs(dag_id, run_type="backfill", limit=100)]
    assert len(made) >= len(DAGS)
    assert {run["state"] for run in made} == {"success"}
    assert behind(specs.load(), Ledger()) == {}
    assert not verify_published(specs.load().tables.values(), Ledger(), open_warehouse()).differences

    assert Ledger().newest_version() > before
    airflow.nothing_changes(FIRST, YESTERDAY)


def backfill(airflow: Deployment, dag_id: str, most: int, behaviour: str, backwards: bool) -> int:
    choices = {"max_active_runs": most, "reprocess_behavior": behaviour, "run_backwards": backwards}
    return airflow.api.backfill_with(dag_id, FIRST, YESTERDAY, **choices)


def run_of_the_schedule(airflow: Deployment, dag_id: str) -> str:
    """The run that the schedule made for yesterday goes again, as it does where somebody clears it."""
    run = airflow.api.run_of(dag_id, datetime.combine(YESTERDAY, time.min, UTC))
    assert run
    if run["state"] == "success":
        airflow.api.clear(dag_id, run["dag_run_id"], only_failed=False)
    return str(run["dag_run_id"])
