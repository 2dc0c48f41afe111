"""A personal login: where it is kept, what is never sent or kept, and what is said where it does not come about."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from headline.cli import app
from headline.errors import BadRequest
from headline.remote import login
from headline.remote.login import Login

URL = "https://airflow.example"
PASSWORD = "a pass of words"


def answers(status: int, body: Any = None, **more: Any) -> httpx.MockTransport:
    return httpx.MockTransport(lambda _request: httpx.Response(status, **({"json": body} if body is not None else more)))


def command(*arguments: str, **options: Any) -> tuple[int, str]:
    done = CliRunner().invoke(app, list(arguments), **options)
    return done.exit_code, f"{done.output}{done.exception or ''}"


@pytest.fixture
def airflow(monkeypatch: pytest.MonkeyPatch) -> list[httpx.Request]:
    """Airflow wherever somebody logs in; gives what it was asked."""
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if request.url.path == "/api/v2/auth/logout":
            return httpx.Response(307, headers={"location": "/auth/login"})
        good = json.loads(request.content) == {"username": "ada", "password": PASSWORD}
        return httpx.Response(201, json={"access_token": "t"}) if good else httpx.Response(401, json={"detail": "no"})

    real = httpx.Client
    monkeypatch.setattr(login.httpx, "Client", lambda **options: real(**options | {"transport": httpx.MockTransport(answer)}))
    return asked


def test_a_login_is_kept_for_its_owner_alone_and_without_the_password(airflow: list[httpx.Request], laptop: Path) -> None:
    code, said = command("login", "--url", f"{URL}/", "--user", "ada", input=f"{PASSWORD}\n")
    assert (code, PASSWORD in said) == (0, False)
    assert f"logged in at {URL} as ada" in said
    file = laptop / "headline" / "login.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert json.loads(file.read_text()) == {"url": URL, "user": "ada", "token": "t"}
    assert login.current() == Login(URL, "ada", "t")
    assert "t'" not in repr(login.current())
    assert [str(one.url) for one in airflow] == [f"{URL}/auth/token"]


def test_a_logout_has_airflow_forget_the_token_too(airflow: list[httpx.Request], laptop: Path) -> None:
    login.keep(Login(URL, "ada", "t"))
    assert command("logout") == (0, f"logged out from {URL}\n")
    assert [one.headers["authorization"] for one in airflow] == ["Bearer t"]
    assert login.current() is None
    assert command("logout") == (0, "nobody was logged in\n")


def test_a_logout_ends_what_cannot_be_read_or_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> None:
        raise httpx.ConnectError("no route")

    monkeypatch.setattr(login, "log_out", fail)
    login.keep(Login(URL, "ada", "t"))
    assert "could not be told" in command("logout")[1]
    login.keep(Login(URL, "ada", "t"))
    login.file().chmod(0o644)
    assert command("logout")[0] == 0
    assert not login.file().exists()


def test_the_password_may_be_in_a_file_and_the_address_is_the_last_ones(airflow: list[httpx.Request], tmp_path: Path) -> None:
    login.keep(Login(URL, "ben", "old"))
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    assert command("login", "--user", "ada", "--password-file", str(tmp_path / "password"))[0] == 0
    assert login.current() == Login(URL, "ada", "t")
    assert "no_file cannot be read: No such file" in command("login", "--user", "ada", "--password-file", "no_file")[1]


def test_somebody_who_named_no_address_is_asked_for_one() -> None:
    assert "say which Airflow: headline login --url" in command("login", "--user", "ada")[1]


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("airflow.example", "looks like https://"),
        ("ftp://airflow.example", "looks like https://"),
        ("", "looks like https://"),
        ("https://ada:hidden@airflow.example", "without user, password"),
        ("https://airflow.example/?a=b", "without user, password"),
        ("http://airflow.example", "use https, or --insecure"),
        ("http://10.0.0.1:8080", "use https, or --insecure"),
        ("http://localhost.example", "use https, or --insecure"),
        ("http://127.0.0.1.example", "use https, or --insecure"),
    ],
)
def test_an_address_that_is_none_or_is_not_safe_is_refused_before_anything_is_sent(url: str, complaint: str) -> None:
    with pytest.raises(BadRequest, match=complaint) as error:
        login.checked(url)
    assert "hidden" not in str(error.value)


def test_what_is_local_or_allowed_may_be_http() -> None:
    assert login.checked("http://127.0.0.1:8080/") == "http://127.0.0.1:8080"
    assert login.checked("http://localhost:8080") == "http://localhost:8080"
    assert login.checked("http://[::1]:8080") == "http://[::1]:8080"
    assert login.checked("http://airflow.example", insecure=True) == "http://airflow.example"
    assert login.checked("https://airflow.example/base/") == "https://airflow.example/base"


def test_how_to_log_in_again_is_told_as_it_was_done() -> None:
    assert Login(URL, "ada", "t").again == f"headline login --url {URL} --user ada"
    assert Login("http://127.0.0.1:80", "ada", "t").again.endswith("--user ada")
    assert Login("http://airflow.example", "ada", "t").again.endswith("--user ada --insecure")
    assert Login(URL, "", "t").again == "with a new token in AIRFLOW_CLI_TOKEN"


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        (answers(401, {"detail": "Invalid credentials"}), "knows no user ada with this password"),
        (answers(429, {"detail": "Too many failed logins: try again in 9 seconds"}), "try again in 9 seconds"),
        (answers(404, {"detail": "Not Found"}), r"does not answer a login as Airflow does \(404\): look at the address"),
        (answers(302, text="", headers={"location": "https://sso.example"}), r"\(302\).*single sign-on"),
        (answers(200, text="<html>"), "look at the address"),
        (answers(201, {"access_token": None}), "look at the address"),
        (answers(201, ["a list"]), "look at the address"),
    ],
)
def test_a_login_that_does_not_come_about_says_why_and_never_the_password(answer: httpx.MockTransport, complaint: str) -> None:
    with pytest.raises(BadRequest, match=complaint) as error:
        login.log_in(URL, "ada", PASSWORD, answer)
    assert PASSWORD not in str(error.value)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda file: file.chmod(0o640), "you alone may read"),
        (lambda file: file.write_text("{}"), "holds no login"),
        (lambda file: file.write_text("not JSON"), "holds no login"),
        (lambda file: (file.rename(file.with_name("other")), file.symlink_to("other")), "you alone may read"),
    ],
)
def test_a_file_that_others_may_read_or_that_is_no_login_is_not_used(spoil: Any, complaint: str) -> None:
    login.keep(Login(URL, "ada", "t"))
    spoil(login.file())
    with pytest.raises(BadRequest, match=f"{complaint}.*log in again"):
        login.current()


def test_a_program_brings_its_token_in_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    login.keep(Login(URL, "ada", "t"))
    monkeypatch.setenv("AIRFLOW_CLI_TOKEN", "u")
    with pytest.raises(BadRequest, match="HEADLINE_URL does not say for which Airflow"):
        login.current()
    monkeypatch.setenv("HEADLINE_URL", "https://other.example/")
    assert login.current() == Login("https://other.example", "", "u")
    monkeypatch.setenv("HEADLINE_URL", "http://other.example")
    with pytest.raises(BadRequest, match="use https"):
        login.current()
