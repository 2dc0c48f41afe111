"""Whom a command asks, in whose name, and the one line that says what went wrong."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.unit.remote.server import PERSON, Server
from typer.testing import CliRunner

from headline.cli import app
from headline.errors import BadRequest
from headline.local.home import Home
from headline.remote import approval, backfills, client, login, runs
from headline.remote.client import airflow, chosen, in_words
from headline.remote.login import Login

OWN = "http://127.0.0.1:9"
INCIDENT = {
    "id": 7,
    "kind": "task_failed",
    "pipeline": "shop",
    "ds": "2026-03-01",
    "state": "open",
    "cause_id": None,
    "since": "2026-03-02T04:05:06+00:00",
    "acknowledged_by": None,
}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """One of this machine, in which nobody has logged in."""
    home = Home(tmp_path / "home")
    home.make()
    home.secrets.make(["admin"])
    home.env_file.write_text(f"{home.env_file.read_text()}AIRFLOW__API__BASE_URL={OWN}\nHEADLINE_HOME={home.path}\n")
    return home


def said(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments))
    return f"{done.output}{done.exception if done.exit_code else ''}"


def test_incidents_are_listed_and_taken_in_the_name_of_the_login(server: Server) -> None:
    server.answers["/headline/api/incidents"] = [INCIDENT]
    assert "7,task_failed,shop,2026-03-01,open,,2026-03-02 04:05,\n" in said("incidents", "--days", "3", "--format", "csv")
    times = {"kind": "task_failed", "incidents": 2, "to detect": 3, "to acknowledge": None, "to resolve": 60}
    server.answers["/headline/api/incidents/times"] = [times]
    assert "task_failed,2,3,,60\n" in said("incidents", "--times", "--format", "csv")
    server.answers["/headline/api/incidents/7/acknowledge"] = INCIDENT | {"state": "acknowledged", "acknowledged_by": "ada"}
    assert said("acknowledge", "7") == "shop task_failed of 2026-03-01 is acknowledged, acknowledged by ada\n"
    assert server.paths == [
        "GET /headline/api/incidents?days=3",
        "GET /headline/api/incidents/times?days=0",
        "POST /headline/api/incidents/7/acknowledge",
    ]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((401, {"detail": "expired"}), "has expired or is not valid: log in again: headline login --url {url} --user ada"),
        ((403, {"detail": "Invalid JWT token"}), "log in again: headline login --url {url} --user ada"),
        ((403, {"detail": "you may see shop, not act on it"}), "{url} refuses that to ada: you may see shop, not act on it"),
        ((403, "<html>"), "{url} refuses that to ada: ask an administrator of Airflow"),
        ((404, {"detail": "there is no incident 7"}), "there is no incident 7"),
        ((404, {"detail": "Not Found"}), "{url} does not answer as Airflow with Headline's pages does: look at the address"),
        ((405, {"detail": "Method Not Allowed"}), "{url} does not answer as Airflow with Headline's pages does"),
        ((302, ""), "{url} does not answer as Airflow with Headline's pages does"),
        ((200, "<html>the page of a proxy"), "{url} does not answer as Airflow with Headline's pages does"),
        ((503, {"detail": "password=hidden refused"}), "{url} answered 503: password=… refused"),
        ((500, "oops"), "{url} answered 500: look at the log of its API server"),
        (httpx.ConnectError("[Errno -2] Name or service not known"), "{url} cannot be reached ([Errno -2] Name"),
        (httpx.ReadTimeout(""), "{url} cannot be reached (ReadTimeout)"),
        (httpx.ConnectError(str(ssl.SSLCertVerificationError("CERTIFICATE_VERIFY_FAILED"))), "certificates in SSL_CERT_FILE"),
    ],
)
def test_what_goes_wrong_is_one_line_that_says_what_to_do(server: Server, answer: Any, told: str) -> None:
    server.answers["/headline/api/incidents/7/acknowledge"] = answer
    line = said("acknowledge", "7")
    assert told.format(url=PERSON.url) in line
    assert (line.count("\n"), PERSON.token in line, "hidden" in line) == (0, False, False)


def test_airflows_own_words_are_told_too(server: Server) -> None:
    server.answers["/api/v2/dags/stock"] = (404, {"detail": "The DAG with dag_id: `stock` was not found"})
    with pytest.raises(BadRequest, match=r"^The DAG with dag_id: `stock` was not found$"):
        runs.unpause("stock")


def test_nobody_who_has_not_logged_in_gets_anywhere() -> None:
    for act in (lambda: runs.retry("shop"), lambda: chosen("an acknowledgement")):
        with pytest.raises(BadRequest, match=r"log.* in.*headline login --url https://… --user …"):
            act()


def test_in_a_home_its_administrator_does_what_carries_no_name(home: Home) -> None:
    assert (chosen().url, chosen().user, chosen().login) == (OWN, "admin", None)
    for act in ("an acknowledgement", "a waiver"):
        with pytest.raises(BadRequest, match=f"{act} carries a person's name: log in first: headline login --url {OWN} --user"):
            chosen(act)
    with pytest.raises(BadRequest, match=r"a waiver carries a person's name"):
        runs.trigger(["shop"], *[runs.date(2026, 3, 1)] * 2, accept="a sale")


def test_in_production_everything_carries_a_name(
    home: Home, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    monkeypatch.setenv("HEADLINE_ENVIRONMENT", "prod")
    forget_settings()
    for change in (runs.retry, runs.unpause, lambda name: runs.trigger([name], None, None)):
        with pytest.raises(BadRequest, match=f"carries a person's name: log in first: headline login --url {OWN}"):
            change("shop")
    with airflow() as api:
        assert api.user == "admin", "to look, as the operator of the home does"


def test_from_a_sandbox_nothing_of_production_is_changed(
    server: Server, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    """Somebody has logged in there, and has forgotten it. An incident can only be production's, and is taken all the same."""
    monkeypatch.setenv("HEADLINE_ENVIRONMENT", "dev")
    forget_settings()
    for change in (
        lambda: runs.trigger(["shop"], None, None),
        lambda: runs.retry("shop"),
        lambda: runs.unpause("shop"),
        lambda: backfills.run({"select": "shop"}),
        lambda: backfills.cancel(1),
        lambda: backfills.free("shop"),
        lambda: approval.ask("2026-03", "shop"),
    ):
        with pytest.raises(BadRequest, match=r"is refused: a sandbox .*headline dev run <pipeline> computes in the sandbox"):
            change()
    assert server.paths == []
    server.answers["/headline/api/incidents/7/acknowledge"] = INCIDENT | {"state": "acknowledged", "acknowledged_by": "ada"}
    assert "acknowledged by ada" in said("acknowledge", "7")


def test_an_airflow_of_a_home_that_is_down_is_said(home: Home) -> None:
    with pytest.raises(BadRequest, match=r"does not answer .*make status"):
        runs.unpause("shop")


def test_a_home_that_is_named_is_asked_itself(home: Home, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    assert chosen().url == OWN, "and not where somebody has logged in"
    with pytest.raises(BadRequest, match=f"headline login --url {OWN}"):
        chosen("a waiver")
    assert client.usual_url() == OWN
    monkeypatch.setattr(client, "PROJECT", home.path.parent / "project")
    home.path.rename(home.path.parent / "elsewhere")
    (home.path.parent / "project").mkdir()
    (home.path.parent / "elsewhere").rename(home.path.parent / "project" / ".headline")
    monkeypatch.setenv("HEADLINE_HOME", str(home.path.parent / "project" / ".headline"))
    assert (chosen().url, client.usual_url()) == (PERSON.url, PERSON.url), "the usual one is not named"
    login.keep(Login(OWN, "ada", "a-token"))
    assert (chosen("a waiver").url, chosen().user) == (OWN, "ada")


def test_processes_of_a_home_are_looked_at_where_they_are_the_airflow_that_is_asked(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs_here = False
    monkeypatch.setattr(client.Processes, "manager", lambda _self: runs_here)
    assert client.home_of(chosen()) == Home.current()
    login.keep(Login(OWN, "ada", "a-token"))
    assert client.home_of(chosen()) is None, "containers with the settings of this home"
    runs_here = True
    assert client.home_of(chosen()) == Home.current()
    assert client.home_of(client.Airflow.as_person(PERSON)) is None


def test_only_what_is_far_goes_by_way_of_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, bool]] = []
    real = httpx.Client

    def made(**options: Any) -> httpx.Client:
        asked.append((options["base_url"], options["trust_env"]))
        return real(**options)

    monkeypatch.setattr(client.httpx, "Client", made)
    for url in (PERSON.url, OWN):
        client.Airflow.as_person(Login(url, "ada", "t"))
    assert asked == [(PERSON.url, True), (OWN, False)]


def test_a_fault_of_our_own_is_not_taken_for_airflows(server: Server) -> None:
    def fail(act: Callable[[], None]) -> None:
        with airflow():
            act()

    with pytest.raises(ZeroDivisionError):
        fail(lambda: 1 / 0)  # type: ignore[arg-type, return-value]
    assert "a-token" not in in_words(httpx.ConnectError("Bearer a-token-of-1-person"), chosen())
