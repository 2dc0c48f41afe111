"""A run waits for runs of its upstream that are queued or running for its days, whoever started them."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.unit.records import days_of, record

from headline import specs
from headline.airflow_api import AirflowApi
from headline.intervals import DAY, Interval
from headline.ledger import Ledger, StagingTable, behind
from headline.operators import inputs, listener, upstream
from headline.operators.inputs import Wait, behind_inputs
from headline.operators.together import MOST_DAYS, Share, share_of
from headline.operators.upstream import ActiveRun, ActiveRuns, Done, ahead_of, describe_runs

D1, D2, D3 = date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)
QUEUED = datetime(2026, 3, 4, 8, tzinfo=UTC)
READS = {"raw.orders": {}}
"""What core_shop of the project that the tests share reads of shop."""


@pytest.fixture(autouse=True)
def _forget_catalog() -> None:
    """Each test has a repository of its own."""
    upstream._catalog_of.cache_clear()


class FakeAirflow:
    """Answers as the API does for these runs; `asked` are the questions."""

    def __init__(self, *runs: dict[str, Any], paused: str = "") -> None:
        self.runs, self.paused = list(runs), paused
        self.asked: list[httpx.URL] = []
        self.is_down = False

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": "t"})
        self.asked.append(request.url)
        if self.is_down:
            return httpx.Response(503, text="away")
        if request.url.path == "/api/v2/dags":
            return httpx.Response(200, json={"dags": [{"dag_id": "shop", "is_paused": self.paused == "shop"}]})
        assert request.url.path == "/api/v2/dags/~/dagRuns"
        assert request.url.params.get_list("state") == ["queued", "running"]
        by_hand = request.url.params.get("run_type") == "manual"
        found = [run for run in self.runs if (run["run_type"] == "manual") == by_hand]
        offset = int(request.url.params["offset"])
        return httpx.Response(200, json={"dag_runs": found[offset : offset + upstream.PAGE]})


def run(run_id: str, day: date | None, conf: dict[str, str] | None = None, dag_id: str = "shop", **more: Any) -> dict[str, Any]:
    start, end = (f"{one}T00:00:00Z" if one else None for one in (day, day + DAY if day else None))
    return {
        "dag_id": dag_id,
        "dag_run_id": run_id,
        "run_type": run_id.partition("__")[0],
        "conf": conf,
        "data_interval_start": start,
        "data_interval_end": end,
        "run_after": "2026-03-04T08:00:00Z",
        "queued_at": QUEUED.isoformat(),
        "state": "running",
    } | more


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> FakeAirflow:
    fake = FakeAirflow()

    def from_connection(_conn_id: str) -> AirflowApi:
        return AirflowApi("http://airflow", "u", "p", transport=httpx.MockTransport(fake))

    monkeypatch.setattr(AirflowApi, "from_connection", from_connection)
    return fake


def active(airflow: FakeAirflow, first: date, last: date) -> list[str]:
    return [found.run_id for found in ActiveRuns().of(Interval(first, last + DAY))]


def test_runs_are_found_by_their_days_whatever_names_them(airflow: FakeAirflow, forget_settings: Any) -> None:
    airflow.runs = [
        run("scheduled__a", D1),
        run("backfill__b", D2),
        run("manual__range", None, {"from": "2026-03-01", "to": "2026-03-03"}),
        run("manual__of_yesterday", None),
        run("manual__refused", None, {"from": "2026-03-09", "to": "2026-03-01"}),
    ]
    assert active(airflow, D1, D1) == ["scheduled__a", "manual__range"]
    assert active(airflow, D2, D3) == ["backfill__b", "manual__range", "manual__of_yesterday"]
    assert active(airflow, D3 + 5 * DAY, D3 + 5 * DAY) == []


def test_a_long_backfill_is_read_page_by_page(airflow: FakeAirflow, forget_settings: Any) -> None:
    airflow.runs = [run(f"backfill__{number}", D1) for number in range(2 * upstream.PAGE + 5)]
    assert len(active(airflow, D1, D1)) == len(airflow.runs)


def test_nobody_waits_for_a_dag_that_is_paused(airflow: FakeAirflow, forget_settings: Any) -> None:
    airflow.runs = [run("backfill__a", D1)]
    assert active(airflow, D1, D1) == ["backfill__a"]
    airflow.paused = "shop"
    assert active(airflow, D1, D1) == []


def test_where_airflow_does_not_answer_nothing_is_known_until_it_does(airflow: FakeAirflow, forget_settings: Any) -> None:
    airflow.runs, airflow.is_down = [run("backfill__a", D1)], True
    runs = ActiveRuns()
    assert runs.of(Interval(D1, D2)) == []
    airflow.is_down = False
    assert len(runs.of(Interval(D1, D2))) == 1


def published(run_id: str, moment: datetime, days: Interval, table: str = "raw.orders") -> tuple[StagingTable, datetime]:
    return StagingTable("k", table, [days], 0, 1, "published", run_id), moment


def ahead(run_type: str = "manual", run_id: str = "u", dag_id: str = "shop", day: date = D1, **more: Any) -> bool:
    one = ActiveRun(dag_id, run_id, run_type, Interval(day, day + DAY), QUEUED)
    done = Done(more.pop("published", []), more.pop("backfills", ()))
    return bool(ahead_of([one], READS, Interval(D1, D2), done, specs.load(), **more))


LATE, EARLY = QUEUED + timedelta(seconds=5), QUEUED - timedelta(days=1)


def test_a_run_waits_for_its_upstream_on_its_own_days(project: Any) -> None:
    assert ahead()
    assert not ahead(dag_id="core_shop"), "runs of its own DAG compute side by side"
    assert not ahead(day=D2)
    assert ahead("backfill")
    assert not ahead("backfill", is_scheduled=True), "today's landing waits for no restatement of history"
    assert ahead("scheduled", is_scheduled=True)


def test_a_run_that_has_published_since_it_was_queued_is_waited_for_no_longer(project: Any) -> None:
    day = Interval(D1, D2)
    assert not ahead(published=[published("u", LATE, day)])
    assert ahead(published=[published("u", EARLY, day)]), "before it was cleared"
    assert ahead(published=[published("other", LATE, day)])
    assert ahead(published=[published("u", LATE, day, "raw.others")])


def test_another_run_of_a_backfill_may_have_published_for_it(project: Any) -> None:
    range_of_days = Interval(D1 - DAY, D3)
    assert not ahead("backfill", published=[published("backfill__first", LATE, range_of_days)])
    assert ahead("backfill", published=[published("backfill__first", LATE, Interval(D2, D3))]), "other days"
    assert ahead("backfill", published=[published("backfill__first", EARLY, range_of_days)])
    assert ahead("backfill", published=[published("manual__other", LATE, range_of_days)])
    scheduled = [published("scheduled__first", LATE, range_of_days)]
    assert ahead("backfill", published=scheduled)
    assert not ahead("backfill", published=scheduled, backfills=["scheduled__first"]), "a run that the backfill has cleared"
    assert ahead("manual", published=[published("backfill__first", LATE, range_of_days)])


def test_the_ledger_knows_what_was_published_also_where_it_did_not_change(ledger: Ledger) -> None:
    before = datetime.now(UTC) - timedelta(seconds=5)
    for table, state in (("raw.x", "published"), ("raw.y", "passed"), ("raw.z", "published")):
        ledger.record_staging_table(StagingTable("k", table, [Interval(D1, D2)], 0, 1, state, "a"))
    [(found, moment)] = ledger.published_since(before, {"raw.x", "raw.y"})
    assert (found.run_id, found.table, found.intervals) == ("a", "raw.x", [Interval(D1, D2)])
    assert moment > before
    assert ledger.published_since(moment + timedelta(seconds=1), {"raw.x"}) == []


def backfill(*days: date, queued: datetime = QUEUED) -> list[dict[str, Any]]:
    return [
        run(f"backfill__{day}", day, state="queued" if place else "running", queued_at=queued.isoformat())
        for place, day in enumerate(days)
    ]


def test_the_first_run_of_a_backfill_takes_over_the_days_that_are_queued_behind_it(project: Any, airflow: FakeAirflow) -> None:
    airflow.runs = backfill(D1, D2, D3, D3 + 2 * DAY)
    assert share_of("shop", f"backfill__{D1}", Interval(D1, D2), ActiveRuns()) == Share(Interval(D1, D3 + DAY))
    airflow.runs[1]["state"] = "running"
    assert share_of("shop", f"backfill__{D1}", Interval(D1, D2), ActiveRuns()) == Share(Interval(D1, D2))
    assert share_of("shop", "backfill__unknown", Interval(D1, D2), ActiveRuns()) == Share(Interval(D1, D2))


def test_a_backfill_that_runs_backwards_is_computed_together_too(project: Any, airflow: FakeAirflow) -> None:
    airflow.runs = backfill(D3, D2, D1, D1 - 2 * DAY)
    assert share_of("shop", f"backfill__{D3}", Interval(D3, D3 + DAY), ActiveRuns()) == Share(Interval(D1, D3 + DAY))
    airflow.runs = [dict(one, dag_id="core_shop") for one in airflow.runs]
    record(Ledger(), *days_of("raw.orders", D2, D3))
    own = Interval(D3, D3 + DAY)
    assert share_of("core_shop", f"backfill__{D3}", own, ActiveRuns()) == Share(Interval(D2, D3 + DAY)), "the first lacks inputs"
    airflow.runs = backfill(*(D3 - number * DAY for number in range(40)))
    share = share_of("shop", f"backfill__{D3}", own, ActiveRuns())
    assert (share.days.end, len(share.days)) == (D3 + DAY, MOST_DAYS)


def test_a_run_whose_day_was_taken_over_has_nothing_to_do_unless_an_input_changed_since(
    project: Any, airflow: FakeAirflow
) -> None:
    ledger, day = Ledger(), Interval(D2, D3)
    airflow.runs = backfill(D2, queued=datetime.now(UTC) - timedelta(minutes=1))
    assert share_of("shop", f"backfill__{D2}", day, ActiveRuns()) == Share(day)
    record(ledger, *days_of("landing.orders", D1, D2))
    record(ledger, *days_of("raw.orders", D1, D2))
    ledger.record_staging_table(StagingTable("k", "raw.orders", [Interval(D1, D3)], 0, 1, "published", f"backfill__{D1}"))
    assert share_of("shop", f"backfill__{D2}", day, ActiveRuns()) == Share(day, is_done=True)
    record(ledger, *days_of("landing.orders", D2, content="more"))
    assert share_of("shop", f"backfill__{D2}", day, ActiveRuns()) == Share(day)


def test_a_run_takes_over_only_days_whose_inputs_are_ready(project: Any, airflow: FakeAirflow) -> None:
    airflow.runs = [dict(one, dag_id="core_shop") for one in backfill(D1, D2, D3)]
    record(Ledger(), *days_of("raw.orders", D1, D2))
    assert share_of("core_shop", f"backfill__{D1}", Interval(D1, D2), ActiveRuns()) == Share(Interval(D1, D3))
    airflow.runs += [run("backfill__upstream", D2, state="queued")]
    assert share_of("core_shop", f"backfill__{D1}", Interval(D1, D2), ActiveRuns()) == Share(Interval(D1, D2))


def test_runs_are_named_three_at_most() -> None:
    runs = [ActiveRun("shop", f"r{number}", "manual", Interval(D1, D2), None) for number in range(5)]
    assert describe_runs(runs) == "upstream at work on these days: shop r0, shop r1, shop r2 and 2 more"
    assert describe_runs([]) == ""


def test_a_waiting_run_begins_when_what_is_upstream_has_ended(
    project: Any, airflow: FakeAirflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "POLL_RUNS", 0.05)
    monkeypatch.setattr(inputs, "TOGETHER", timedelta(seconds=1))
    record(Ledger(), *days_of("raw.orders", D1))
    mine = run("manual__mine", D1, dag_id="core_shop", queued_at=(datetime.now(UTC) + DAY).isoformat())
    airflow.runs = [mine]

    async def scenario() -> list[str]:
        texts = []
        async for text in listener.Publications().watch(Wait(READS, Interval(D1, D2), run=("core_shop", "manual__mine"))):
            texts.append(text)
            # A reader that is started first sees its upstream a moment later.
            mine["queued_at"] = QUEUED.isoformat()
            airflow.runs = [mine, run("backfill__a", D1)] if len(texts) == 1 else [mine]
        return texts

    assert asyncio.run(asyncio.wait_for(scenario(), 10)) == [
        inputs.A_MOMENT,
        "upstream at work on these days: shop backfill__a",
    ]


def test_where_airflow_is_not_known_a_run_begins_at_once(project: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    record(Ledger(), *days_of("raw.orders", D1))

    async def scenario() -> list[str]:
        return [text async for text in listener.Publications().watch(Wait(READS, Interval(D1, D2)))]

    assert asyncio.run(asyncio.wait_for(scenario(), 1.5)) == []


def test_what_is_behind_is_told_by_table(project: Any) -> None:
    ledger = Ledger()
    record(ledger, *days_of("landing.orders", D1, D2))
    record(ledger, *days_of("raw.orders", D1, D2))
    assert behind(specs.load(), ledger) == {}
    wait = Wait(READS, Interval(D1, D3))
    assert behind_inputs(wait) == ""
    record(ledger, *days_of("landing.orders", D2, content="more"))
    found = behind(specs.load(), ledger)
    assert {name: [one.interval for one in periods] for name, periods in found.items()} == {"raw.orders": [Interval(D2, D3)]}
    assert behind(specs.load(), ledger, Interval(D1, D2)) == {}
    assert behind(specs.load(), ledger, names={"core.other"}) == {}
    assert behind_inputs(wait) == "raw.orders for 1 period(s) from 2026-03-02"
