"""Where a Spark Connect session comes from, with a stand-in for AWS."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from headline.connections import Connection
from headline.errors import BadData, SpecError, Transient
from headline.warehouse.spark import sessions
from headline.warehouse.spark.engine import wrong
from headline.warehouse.spark.sessions import EMRServerless, Endpoint, SessionProvider, provider_of

EXTRA = {"session_provider": "emr_serverless", "application_id": "app", "execution_role_arn": "arn:role"}


def connection(**extra: Any) -> Connection:
    return Connection("headline_warehouse", "spark_connect", host="spark.example", port=15002, extra=extra)


class FakeEMR:
    """EMR Serverless, whose sessions pass through these states one by one."""

    def __init__(self, *states: str) -> None:
        self.states = list(states)
        self.asked: list[str] = []

    def start_session(self, **told: Any) -> dict[str, Any]:
        assert (told["applicationId"], told["executionRoleArn"], told["name"]) == ("app", "arn:role", "headline a run")
        self.asked.append("start")
        return {"sessionId": "s1"}

    def get_session(self, **told: Any) -> dict[str, Any]:
        self.asked.append("look")
        return {"session": {"state": self.states.pop(0), "stateDetails": "no capacity"}}

    def get_session_endpoint(self, **told: Any) -> dict[str, Any]:
        return {"endpoint": "https://s1.emr.example/", "authToken": "secret"}

    def terminate_session(self, **told: Any) -> None:
        assert told == {"applicationId": "app", "sessionId": "s1"}
        self.asked.append("terminate")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "_ASK_SECONDS", 0)


def test_an_endpoint_is_what_the_connection_says_and_a_token_travels_by_tls() -> None:
    with provider_of(connection()).address("x") as address:
        assert address == "sc://spark.example:15002/;"
    with_token = Connection("headline_warehouse", "spark_connect", host="h", password="t", extra={})
    with Endpoint(with_token).address("x") as address:
        assert address == "sc://h:15002/;token=t;use_ssl=true"


def test_a_session_of_emr_serverless_is_started_waited_for_and_ended() -> None:
    fake = FakeEMR("SUBMITTED", "STARTING", "IDLE")
    with EMRServerless(connection(**EXTRA), fake).address("headline a run") as address:
        assert address == "sc://s1.emr.example:443/;use_ssl=true;x-aws-proxy-auth=secret"
        assert fake.asked == ["start", "look", "look", "look"]
    assert fake.asked[-1] == "terminate"


def test_a_session_that_does_not_start_is_ended_and_tried_again_later() -> None:
    fake = FakeEMR("STARTING", "FAILED")
    with pytest.raises(Transient, match="no capacity"), EMRServerless(connection(**EXTRA), fake).address("headline a run"):
        pass
    assert fake.asked[-1] == "terminate"


def test_a_connection_that_lacks_what_its_provider_needs_is_told_so() -> None:
    with pytest.raises(SpecError, match="application_id, execution_role_arn"):
        provider_of(connection(session_provider="emr_serverless"))
    with pytest.raises(SpecError, match=r"no session_provider 'no\.such:Thing'"):
        provider_of(connection(session_provider="no.such:Thing"))
    with pytest.raises(SpecError, match="is no SessionProvider"):
        provider_of(connection(session_provider="builtins:str"))


class Own(SessionProvider):
    """A provider that a deployment has written."""

    def __init__(self, known: Connection) -> None:
        self.known = known

    @contextmanager
    def address(self, name: str) -> Iterator[str]:
        yield f"sc://{self.known.host}/{name}"


def test_a_deployment_can_have_a_provider_of_its_own() -> None:
    made = provider_of(connection(session_provider=f"{__name__}:Own"))
    with made.address("x") as address:
        assert address == "sc://spark.example/x"


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("AnalysisException", "[UNRESOLVED_COLUMN] x", SpecError),
        ("ArithmeticException", "divide by zero", BadData),
        ("NumberFormatException", "cannot be cast", BadData),
        ("SparkConnectGrpcException", "Commit conflict: base metadata location does not match", Transient),
        ("SparkConnectGrpcException", "unavailable", Transient),
    ],
)
def test_errors_of_spark_are_told_apart_by_what_can_be_done(kind: str, text: str, expected: type[Exception]) -> None:
    error = type(kind, (Exception,), {})(text)
    assert type(wrong(error, "select 1")) is expected
    assert text in str(wrong(error, "select 1"))
