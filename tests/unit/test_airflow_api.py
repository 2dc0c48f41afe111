import json
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from headline.airflow_api import AirflowApi, Refused, log_lines
from headline.errors import HeadlineError


class Airflow:
    """Answers like Airflow and remembers what it was asked."""

    def __init__(self, answers: dict[str, Any], password: str = "secret") -> None:
        self.answers = answers
        self.password = password
        self.asked: list[tuple[str, str, Any]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content) if request.content else None
        self.asked.append((request.method, request.url.path, body))
        if request.url.path == "/auth/token":
            good = body == {"username": "admin", "password": self.password}
            return httpx.Response(201, json={"access_token": "token"}) if good else httpx.Response(401, text="refused")
        assert request.headers["Authorization"] == "Bearer token"
        path = request.url.path.removeprefix("/api/v2")
        return httpx.Response(200, json=self.answers[path]) if path in self.answers else httpx.Response(404, text="not found")


def api(airflow: Airflow) -> AirflowApi:
    return AirflowApi("http://airflow", "admin", "secret", httpx.MockTransport(airflow))


def test_it_logs_in_once() -> None:
    airflow = Airflow({"/dags": {"dags": [{"dag_id": "shop"}]}})
    client = api(airflow)
    assert client.dags() == client.dags() == [{"dag_id": "shop"}]
    assert [path for _, path, _ in airflow.asked] == ["/auth/token", "/api/v2/dags", "/api/v2/dags"]


def test_a_list_is_read_page_by_page() -> None:
    asked: list[int] = []

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/auth/token":
            return httpx.Response(201, json={"access_token": "token"})
        asked.append(int(request.url.params["offset"]))
        there = [{"dag_run_id": str(number)} for number in range(250)]
        assert request.url.params["state"] == "queued"
        return httpx.Response(200, json={"dag_runs": there[asked[-1] :][:100], "total_entries": len(there)})

    found = AirflowApi("http://airflow", "admin", "secret", httpx.MockTransport(answer)).all_runs("~", state="queued")
    assert [run["dag_run_id"] for run in found] == [str(number) for number in range(250)]
    assert asked == [0, 100, 200]


def test_a_refused_login_is_told() -> None:
    with pytest.raises(HeadlineError, match="refused the login: 401 refused"):
        api(Airflow({}, password="another")).dags()


def test_a_login_that_is_repeated_by_who_refuses_it_is_not_told() -> None:
    def refusing(request: httpx.Request) -> httpx.Response:
        return httpx.Response(422, json={"detail": [{"msg": "Field required", "input": json.loads(request.content)}]})

    with pytest.raises(HeadlineError, match=r"refused the login: 422 .*Field required") as told:
        AirflowApi("http://airflow", "admin", "s3cr3t phrase", httpx.MockTransport(refusing)).dags()
    assert "s3cr3t" not in str(told.value)
    assert "phrase" not in str(told.value)


def test_a_refused_request_is_told_with_airflows_words() -> None:
    with pytest.raises(HeadlineError, match="GET /dags answered 404: not found"):
        api(Airflow({})).dags()


def test_a_run_that_is_not_there_is_none() -> None:
    airflow = Airflow({"/dags/shop/dagRuns/a": {"state": "success"}})
    assert api(airflow).run("shop", "a") == {"state": "success"}
    assert api(airflow).run("shop", "b") is None


def test_a_ranged_run_has_no_logical_date_and_an_ordinary_one_has_that_of_its_day() -> None:
    airflow = Airflow({"/dags/shop/dagRuns": {}})
    client = api(airflow)
    client.trigger("shop", run_id="range", conf={"from": "2026-01-01", "to": "2026-01-31"})
    client.trigger("shop", run_id="day", interval=(datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)))
    ranged, ordinary = (body for method, _, body in airflow.asked[1:])
    assert ranged == {"dag_run_id": "range", "logical_date": None, "conf": {"from": "2026-01-01", "to": "2026-01-31"}}
    assert ordinary == {
        "dag_run_id": "day",
        "conf": {},
        "logical_date": "2026-01-01T00:00:00+00:00",
        "data_interval_start": "2026-01-01T00:00:00+00:00",
        "data_interval_end": "2026-01-02T00:00:00+00:00",
    }


def test_a_logged_error_is_told_with_its_cause() -> None:
    assert log_lines({"event": "::group::Pre Execute"}) == []
    assert log_lines("plain") == ["plain"]
    error = {"event": "Task failed", "error_detail": [{"exc_type": "BadData", "exc_value": "2 rows"}]}
    assert log_lines(error) == ["Task failed", "BadData: 2 rows"]


def test_a_refusal_keeps_its_status() -> None:
    with pytest.raises(Refused) as error:
        api(Airflow({})).dags()
    assert error.value.status == 404


def test_somebody_elses_token_is_handed_on_without_a_login() -> None:
    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append((request.url.path, request.headers["cookie"]))
        return httpx.Response(200, json={"dags": []})

    assert AirflowApi.with_headers({"cookie": "_token=t"}, httpx.MockTransport(answer)).dags() == []
    assert asked == [("/api/v2/dags", "_token=t")]


def test_the_error_of_a_try_is_its_first_line() -> None:
    path = "/dags/shop/dagRuns/r/taskInstances/ingest/logs/2"
    cause = {"exc_type": "OSError", "exc_value": "the cause"}
    content = [
        "a line",
        {"event": "first", "error_detail": [{"exc_type": "BadData", "exc_value": "an earlier one"}]},
        {"event": "failed", "error_detail": [{"exc_type": "BadData", "exc_value": "raw.orders: 3 faults\nin full"}, cause]},
        {"event": "end", "error_detail": None},
    ]
    assert api(Airflow({path: {"content": content}})).error("shop", "r", "ingest", 2) == "raw.orders: 3 faults"
    check = [
        {"event": "failed", "error_detail": [{"exc_type": "BadData", "exc_value": "1 check failed:\n  «no duplicates»\nkeys"}]}
    ]
    assert api(Airflow({path: {"content": check}})).error("shop", "r", "ingest", 2) == "1 check failed: «no duplicates»"
    assert api(Airflow({})).error("shop", "r", "ingest", 2) == ""
    no_text = [{"event": "failed", "error_detail": [{"exc_type": "KeyError", "exc_value": ""}]}]
    assert api(Airflow({path: {"content": no_text}})).error("shop", "r", "ingest", 2) == "KeyError"


def test_a_log_says_neither_in_which_file_it_lies_nor_how_airflow_found_the_dag() -> None:
    path = "/dags/shop/dagRuns/r/taskInstances/ingest/logs/1"
    head = [{"event": "::group::Log message source details"}, {"event": "/somewhere/attempt=1.log"}, {"event": "::endgroup::"}]
    start = [
        {"event": "Filling up the DagBag", "logger": "airflow.dag_processing.dagbag.BundleDagBag", "level": "info"},
        {"event": "is deprecated", "logger": "py.warnings", "level": "warning"},
    ]
    broken = {"event": "no such DAG", "logger": "airflow.dag_processing.dagbag.BundleDagBag", "level": "error"}
    own = [{"event": "::group::raw.orders"}, {"event": "3 rows"}, {"event": "::endgroup::"}]
    assert api(Airflow({path: {"content": [*head, *own]}})).log("shop", "r", "ingest", 1) == ["3 rows"]
    assert api(Airflow({path: {"content": own}})).log("shop", "r", "ingest", 1) == ["3 rows"]
    assert api(Airflow({path: {"content": [*start, broken, *own]}})).log("shop", "r", "ingest", 1) == ["no such DAG", "3 rows"]
