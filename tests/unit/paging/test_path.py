"""The path of alerts itself: drills, the sign of life, and what happens when the ledger is gone."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx
import psycopg2
import pytest
from sqlalchemy.exc import OperationalError
from tests.unit.paging.people import Team
from tests.unit.paging.servers import Mailbox, Webhook, smtp, webhook
from typer.testing import CliRunner

from headline.airflow_api import AirflowApi
from headline.cli import app
from headline.errors import HeadlineError, Transient
from headline.incidents import airflow_state, heartbeat, watch
from headline.incidents.airflow_state import AirflowState, look_at_airflow, slow_tasks
from headline.incidents.watch import look
from headline.ledger import Ledger
from headline.ledger.engine import forget_connections
from headline.ledger.incidents import Incidents
from headline.operators import callbacks
from headline.paging import emergency, people
from headline.paging.drill import drill
from headline.paging.people import Everybody
from headline.specs import Catalog

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
WAITED = timedelta(hours=3)  # for its inputs, before a task gets a worker


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "load", lambda _moment: Team())
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    with smtp() as found:
        monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_EMAIL", found.connection())
        yield found


@pytest.fixture
def slack(monkeypatch: pytest.MonkeyPatch) -> Iterator[Webhook]:
    with webhook() as found:
        monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_SLACK", found.connection())
        yield found


@pytest.fixture
def no_ledger(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = {"conn_type": "postgres", "host": "127.0.0.1", "port": 1, "login": "x", "schema": "ledger"}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_LEDGER", json.dumps(gone))


# the drill


def test_a_drill_goes_over_every_channel_and_is_over_when_acknowledged(
    catalog: Catalog, ledger: Ledger, mailbox: Mailbox, slack: Webhook
) -> None:
    assert drill(NOON) == {"inbox": "notified ada", "slack": "notified ada", "email": "notified ada"}
    assert mailbox.subjects == ["Drill: acknowledge this alert"]
    assert slack.texts[0].startswith("ada: Drill: acknowledge this alert.")
    [incident] = Incidents().open()
    assert (incident.pipeline, incident.kind) == ("alert_drill", "alert_path_failed")
    Incidents().acknowledge(incident.id, "ada", NOON + MINUTE)
    look(NOON + 2 * MINUTE)
    over = Incidents().get(incident.id)
    assert over.state == "resolved"
    assert Incidents().history(incident.id)[-1].detail == "it reached ada"


def test_a_drill_that_nobody_acknowledges_goes_to_the_next(catalog: Catalog, ledger: Ledger, mailbox: Mailbox) -> None:
    drill(NOON)
    look(NOON + timedelta(hours=4))
    told = [recipients for recipients, mail in mailbox.mails if mail["subject"].startswith("Drill")]
    assert told == [["ada@example.com"], ["ben@example.com"]]


@pytest.mark.parametrize(("status", "body"), [(500, "ok"), (200, "no_service")])
def test_a_drill_that_a_channel_does_not_take_complains_over_another(
    catalog: Catalog, ledger: Ledger, mailbox: Mailbox, slack: Webhook, status: int, body: str
) -> None:
    slack.status, slack.body = status, body
    with pytest.raises(HeadlineError, match=r"the drill for ada did not get through everywhere: slack: .*(500|no_service)"):
        drill(NOON)
    assert len(mailbox.mails) == 2
    assert mailbox.subjects[1] == "T1 Alerts fail: slack"
    slack.status, slack.body = 200, "ok"
    drill(NOON + timedelta(days=1))
    look(NOON + timedelta(days=1, minutes=1))
    failed = [one for one in Incidents().recent(NOON) if one.pipeline == "freshness_watch"]
    assert [(one.state, one.facts["down"].keys()) for one in failed] == [("resolved", {"slack"})]


@pytest.mark.parametrize("body", ["no_service", "invalid_token", "", "<html><title>Sign in</title></html>"])
def test_a_drill_fails_where_the_answer_does_not_say_that_it_was_taken(
    body: str, catalog: Catalog, ledger: Ledger, mailbox: Mailbox, slack: Webhook
) -> None:
    slack.body = body
    with pytest.raises(HeadlineError, match=rf"slack: HTTP 200, but the answer is not ok: {body or 'nothing'}"):
        drill(NOON)
    [drilled] = [one for one in Incidents().open() if one.pipeline == "alert_drill"]
    events = [(event.event, event.channel) for event in Incidents().history(drilled.id)]
    assert events == [("opened", None), ("told", "inbox"), ("delivery_failed", "slack"), ("told", "email")]
    assert mailbox.subjects == ["Drill: acknowledge this alert", "T1 Alerts fail: slack"]


def test_with_one_channel_alone_an_answer_that_is_not_ok_is_an_incident(catalog: Catalog, ledger: Ledger, slack: Webhook) -> None:
    slack.body = "no_service"
    result = CliRunner().invoke(app, ["drill"])
    assert result.exit_code != 0
    assert "slack: HTTP 200, but the answer is not ok: no_service" in str(result.exception) + result.output
    [failed] = [one for one in Incidents().open() if one.pipeline == "freshness_watch"]
    assert failed.facts == {"down": {"slack": "HTTP 200, but the answer is not ok: no_service"}}


def test_a_drill_tells_an_address_that_was_refused(
    catalog: Catalog, ledger: Ledger, mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = {"ada": "ada@example.com, ada@old.example.com"}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_EMAIL", mailbox.connection(people=people))
    mailbox.refused.add("ada@old.example.com")
    with pytest.raises(HeadlineError, match=r"email: 1 of 2 addresses rejected: at old.example.com: 550 no such mailbox"):
        drill(NOON)
    assert mailbox.subjects[0] == "Drill: acknowledge this alert"


# the sign of life


def test_the_watch_leaves_a_sign_of_life(catalog: Catalog, slack: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(HeadlineError, match="has not looked ever"):
        heartbeat.check(25 * MINUTE, NOON)
    heartbeat.beat(NOON)
    assert heartbeat.check(25 * MINUTE, NOON + 25 * MINUTE) == NOON
    with pytest.raises(HeadlineError, match="has not looked since 2026-11-20 12:00 UTC, so nobody would be told"):
        heartbeat.check(25 * MINUTE, NOON + 26 * MINUTE)


def test_the_sign_of_life_reaches_an_address_outside(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    called = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            called.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/ping/1"
        monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_HEARTBEAT", json.dumps({"conn_type": "http", "host": url}))
        heartbeat.beat(NOON)
        server.shutdown()
    assert called == ["/ping/1"]
    heartbeat.beat(NOON + MINUTE)
    assert heartbeat.last() == NOON + MINUTE, "nobody answers there, and the file is written all the same"


# without the ledger


def test_without_the_ledger_people_are_told_directly_and_not_every_time(
    no_ledger: None, mailbox: Mailbox, slack: Webhook
) -> None:
    with pytest.raises(Transient):
        look(NOON)
    emergency.tell_directly("the ledger is out of reach: password=hunter2", NOON)
    emergency.tell_directly("the ledger is out of reach", NOON + 10 * MINUTE)
    assert len(slack.posts) == 1
    assert "the ledger keeps no incidents" in slack.texts[0]
    assert "hunter2" not in slack.texts[0]
    emergency.tell_directly("the ledger is out of reach", NOON + 61 * MINUTE)
    assert (len(slack.posts), len(mailbox.mails)) == (2, 0)
    slack.body = "no_service"
    emergency.tell_directly("the ledger is out of reach", NOON + 130 * MINUTE)
    assert mailbox.subjects == ["T1 Alerts fail: the ledger keeps no incidents"]


def test_when_the_ledger_is_back_it_learns_of_it(no_ledger: None, slack: Webhook, request: pytest.FixtureRequest) -> None:
    emergency.tell_directly("the ledger is out of reach", NOON)
    request.getfixturevalue("ledger")
    emergency.recovered(NOON + 20 * MINUTE)
    [incident] = Incidents().recent(NOON)
    assert (incident.state, incident.since) == ("resolved", NOON)
    assert incident.facts == {"down": {"ledger": "took no alerts from 12:00 to 12:20 UTC"}}
    emergency.recovered(NOON + 30 * MINUTE)
    assert len(Incidents().recent(NOON)) == 1


def test_whom_no_channel_reached_is_tried_again_at_once(no_ledger: None, slack: Webhook) -> None:
    slack.body = "invalid_token"
    emergency.tell_directly("the ledger is out of reach", NOON)
    slack.body = "ok"
    emergency.tell_directly("the ledger is out of reach", NOON + 10 * MINUTE)
    assert len(slack.posts) == 4, "ada, ben and cleo, of whom none was reached, and then ada"
    emergency.tell_directly("the ledger is out of reach", NOON + 20 * MINUTE)
    assert len(slack.posts) == 4


@pytest.fixture
def server(postgres: str, ledger: Ledger) -> Iterator[Any]:
    """A superuser's cursor on the ledger's server; connections of the engine are made anew before and after."""
    with closing(psycopg2.connect(host=postgres, user="postgres", dbname="ledger")) as connection:
        connection.autocommit = True
        forget_connections()
        yield connection.cursor()
    forget_connections()


BREAKS = {
    "read-only": ("alter database ledger set default_transaction_read_only = on", "read-only transaction"),
    "a missing table": ("alter table incident_event rename to incident_event_away", "does not exist"),
    "a missing column": ("alter table incident rename column facts to facts_away", "does not exist"),
}
MENDS = {
    "read-only": "alter database ledger reset default_transaction_read_only",
    "a missing table": "alter table incident_event_away rename to incident_event",
    "a missing column": "alter table incident rename column facts_away to facts",
}


@pytest.mark.parametrize("fault", BREAKS)
def test_a_ledger_that_answers_but_takes_nothing_is_told_directly(
    fault: str, catalog: Catalog, server: Any, slack: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    breaks, says = BREAKS[fault]
    server.execute("set transaction_read_only = off")
    server.execute(breaks)
    try:
        forget_connections()
        with pytest.raises(Exception, match=says) as raised:
            look(NOON)
        callbacks.watch_failed({"exception": raised.value})
        assert [text.split("\n")[0].startswith("ada: T1 Alerts fail: the ledger keeps") for text in slack.texts] == [True]
        callbacks.task_failed(failed_task())
        assert len(slack.posts) == 1, "within the hour nobody is told again"
        emergency.mark().unlink()
        callbacks.task_failed(failed_task())
        assert len(slack.posts) == 2, "a failed task tells it too, without waiting for the watch"
    finally:
        server.execute("set default_transaction_read_only = off")
        server.execute(MENDS[fault])
        forget_connections()
    callbacks.task_failed(failed_task())
    assert len(slack.posts) > 2
    [failed] = [one for one in Incidents().open() if one.kind == "task_failed"]
    assert failed.pipeline == "core_shop"


def test_a_drill_that_the_ledger_does_not_take_is_told_directly(catalog: Catalog, server: Any, slack: Webhook) -> None:
    """Whoever waits for the drill must not take its silence for good news."""
    server.execute(BREAKS["read-only"][0])
    try:
        forget_connections()
        with pytest.raises(Exception, match="read-only") as raised:
            drill(NOON)
        assert slack.posts == []
        callbacks.drill_failed({"exception": raised.value})
        [text] = slack.texts
        assert "the ledger keeps no incidents" in text
        callbacks.drill_failed({"exception": HeadlineError("the drill for ada did not get through everywhere")})
        assert len(slack.posts) == 1, "that is an incident already"
    finally:
        server.execute("set default_transaction_read_only = off")
        server.execute(MENDS["read-only"])
        forget_connections()


def test_what_is_known_of_the_path_stays_when_more_of_it_fails(
    catalog: Catalog, ledger: Ledger, slack: Webhook, mailbox: Mailbox
) -> None:
    slack.body = "no_service"
    with pytest.raises(HeadlineError):
        drill(NOON)
    emergency.tell_directly("Transient: locked", NOON + MINUTE, part="reports of failures")
    [failed] = [one for one in Incidents().open() if one.pipeline == "freshness_watch"]
    assert failed.facts["down"].keys() == {"slack", "reports of failures"}
    look(NOON + 2 * MINUTE)
    assert Incidents().get(failed.id).facts["down"].keys() == {"slack"}, "what works by then is gone from it"


def test_a_full_disk_is_told_directly(catalog: Catalog, ledger: Ledger, slack: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    def fire(*_: Any) -> None:
        raise OperationalError("insert", {}, psycopg2.errors.DiskFull("could not extend file: No space left on device"))

    monkeypatch.setattr(Incidents, "fire", fire)
    emergency.tell_directly("the watch has failed", NOON)
    assert len(slack.posts) == 1
    assert emergency.mark().exists()


def failed_task() -> Any:
    """What Airflow hands over for a task that has failed today."""
    today = datetime.combine(datetime.now(UTC).date(), datetime.min.time(), UTC)
    start = today - timedelta(days=1)
    run = SimpleNamespace(run_type="scheduled", run_id="r", data_interval_start=start, data_interval_end=today, run_after=today)
    instance = SimpleNamespace(dag_id="core_shop", run_id="r", try_number=4)
    params = {"from": None, "to": None}
    return {"task": SimpleNamespace(task_id="x"), "ti": instance, "dag_run": run, "params": params, "exception": Transient("x")}


def test_without_a_team_everybody_with_an_address_is_told(slack: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [one.person for one in Everybody().chain("core", NOON)] == ["team"]
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_SLACK", slack.connection(people={"cleo": "U3", "ada": "U1"}))
    assert [one.person for one in Everybody().chain("profit", NOON)] == ["ada", "cleo"]


# Airflow's own state


def airflow(monkeypatch: pytest.MonkeyPatch, answers: dict[str, Any]) -> None:
    """An Airflow whose API answers so."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": "t"})
        path = request.url.path.removeprefix("/api/v2")
        key = f"{path}?state={request.url.params['state']}" if "state" in request.url.params else path
        return httpx.Response(200, json=answers[key])

    api = AirflowApi("http://airflow", "ada", "secret", httpx.MockTransport(answer))
    monkeypatch.setattr(AirflowApi, "from_connection", lambda _conn_id: api)


NOTHING_QUEUED: dict[str, list[Any]] = {"dag_runs": []}
HEALTHY = {
    name: {"status": "healthy", f"latest_{name}_heartbeat": "2026-11-20T11:59:58+00:00"}
    for name in ("scheduler", "triggerer", "dag_processor")
}


def task(task_id: str, start: datetime, duration: float | None = None, dag_id: str = "core_shop") -> dict[str, Any]:
    return {
        "dag_id": dag_id,
        "dag_run_id": "r",
        "task_id": task_id,
        "start_date": (start - WAITED).isoformat(),
        "queued_when": start.isoformat(),
        "end_date": (start + timedelta(seconds=duration)).isoformat() if duration else None,
        "logical_date": "2026-11-19T00:00:00+00:00",
    }


def test_a_component_without_a_sign_of_life_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = {"status": "unhealthy", "latest_triggerer_heartbeat": "2026-11-20T11:41:02+00:00"}
    answers = {
        "/monitor/health": HEALTHY | {"triggerer": silent},
        "/dags/~/dagRuns/~/taskInstances?state=running": {"task_instances": []},
        "/dags/~/dagRuns?state=queued": NOTHING_QUEUED,
    }
    airflow(monkeypatch, answers)
    assert look_at_airflow(NOON, "UTC").down == {"triggerer": "no sign of life since 2026-11-20 11:41 UTC"}
    answers["/monitor/health"] = HEALTHY
    airflow(monkeypatch, answers)
    assert look_at_airflow(NOON, "UTC") == AirflowState(stranded=[])


def test_tasks_that_take_three_times_their_median_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    running = [task("transform.x", NOON - 16 * MINUTE), task("audit.x", NOON - 14 * MINUTE), task("publish", NOON - 4 * MINUTE)]
    ended = [task(name, NOON, 300.0) for name in ("transform.x", "audit.x") for _ in range(5)]
    answers = {
        "/monitor/health": HEALTHY,
        "/dags/~/dagRuns/~/taskInstances?state=running": {"task_instances": running},
        "/dags/core_shop/dagRuns/~/taskInstances?state=success": {"task_instances": ended},
        "/dags/~/dagRuns?state=queued": NOTHING_QUEUED,
    }
    airflow(monkeypatch, answers)
    [(key, [slow])] = look_at_airflow(NOON, "UTC").slow.items()
    assert key == ("core_shop", NOON.date() - timedelta(days=1))
    assert slow == {
        "task_id": "transform.x",
        "run_id": "r",
        "since": (NOON - 16 * MINUTE).isoformat(),
        "usual_minutes": 5.0,
    }


def test_a_task_is_asked_about_once_however_many_runs_of_it_are_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    running = [task("x", NOON - (60 + number) * MINUTE) for number in range(20)]
    running += [task("x", NOON - 30 * MINUTE, dag_id=f"dag_{number}") for number in range(20)]
    asked: list[str] = []

    class Api:
        def all_task_instances(self, **filters: Any) -> list[dict[str, Any]]:
            asked.append(filters.get("dag_id", "all"))
            return running if filters["state"] == "running" else [task("x", NOON, 300.0, filters["dag_id"]) for _ in range(5)]

    found = slow_tasks(Api(), NOON, "UTC")  # type: ignore[arg-type]
    assert asked == ["all", "core_shop", *(f"dag_{number}" for number in range(9))]
    assert sum(map(len, found.values())) == 29


def test_nobody_is_held_up_while_airflow_is_asked(
    catalog: Catalog, ledger: Ledger, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = []

    def ask(*_: Any) -> AirflowState:
        with closing(psycopg2.connect(host=postgres, user="postgres", dbname="ledger")) as other, other.cursor() as cursor:
            cursor.execute("select pg_try_advisory_xact_lock(hashtext('headline judging'))")
            free.append(cursor.fetchone())
        return AirflowState(down={"triggerer": "no sign of life"})

    monkeypatch.setattr(watch, "look_at_airflow", ask)
    look(NOON)
    assert free == [(True,)]
    [failed] = [one for one in Incidents().open() if one.kind == "alert_path_failed"]
    assert failed.facts == {"down": {"triggerer": "no sign of life"}}, "what it said counts all the same"


def test_an_airflow_that_does_not_answer_is_no_alarm_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    assert look_at_airflow(NOON, "UTC") == AirflowState(), "there is no connection"
    gone = {"conn_type": "http", "host": "http://127.0.0.1", "port": 1, "login": "x", "password": "y"}
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_AIRFLOW", json.dumps(gone))
    assert look_at_airflow(NOON, "UTC") == AirflowState()
    assert airflow_state.COMPONENTS


def test_a_faulty_folder_is_not_watched_and_that_is_said(catalog: Catalog, ledger: Ledger) -> None:
    file = catalog.pipelines["core_shop"].folder / "pipeline.yml"
    file.write_text(file.read_text() + "\nowner: nobody\n")
    look(NOON)
    [failed] = [one for one in Incidents().open() if one.kind == "alert_path_failed"]
    assert failed.facts["down"].keys() == {"the watch over core_shop"}
    assert "shop" in {one.pipeline for one in Incidents().open()}, "the others are watched all the same"
