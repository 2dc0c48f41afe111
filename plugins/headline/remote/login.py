"""Who asks which Airflow: a personal login, kept as a token in a file of its owner's; a password is never kept."""

from __future__ import annotations

import ipaddress
import json
import os
import stat
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx

from headline.airflow_api import detail_of
from headline.errors import BadRequest
from headline.local.private import private_folder, write_private

URL, TOKEN = "HEADLINE_URL", "AIRFLOW_CLI_TOKEN"  # variables; the second is airflowctl's
LOGIN = "headline login --url https://… --user …"


@dataclass(frozen=True)
class Login:
    """A person at one Airflow; `user` is empty where a variable holds the token, which tells the server alone who it is."""

    url: str
    user: str
    token: str = field(repr=False)

    @property
    def again(self) -> str:
        """The command that renews it."""
        if not self.user:
            return f"with a new token in {TOKEN}"
        allowed = " --insecure" if self.url.startswith("http:") and not is_local(self.url) else ""
        return f"headline login --url {self.url} --user {self.user}{allowed}"


def file() -> Path:
    """Where the login is kept."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "headline" / "login.json"


def current() -> Login | None:
    """The login of the environment, else the one that is kept; None where nobody has logged in."""
    if token := os.environ.get(TOKEN):
        if url := os.environ.get(URL):
            return Login(checked(url), "", token)
        raise BadRequest(f"{TOKEN} holds a token, and {URL} does not say for which Airflow: set it to an address")
    return kept()


def kept() -> Login | None:
    """The login that is kept; raises BadRequest for a file that others may read, or that holds none."""
    path = file()
    try:
        status = path.lstat()
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise BadRequest(f"{path} must be a file that you alone may read: headline logout, then log in again")
    try:
        return Login(**json.loads(path.read_text()))
    except (ValueError, TypeError):
        raise BadRequest(f"{path} holds no login: headline logout, then log in again") from None


def keep(login: Login) -> None:
    """Keep a login instead of any other."""
    private_folder(file().parent)
    write_private(file(), json.dumps(asdict(login)))


def forget() -> None:
    """Keep no login any more."""
    with suppress(FileNotFoundError):
        file().unlink()


def checked(url: str, *, insecure: bool = False) -> str:
    """The address of an Airflow as it is kept; raises BadRequest for what is none, and for http to a host that is not local.

    `insecure`: whether passwords and tokens may go over the network as they are.
    """
    try:
        found = httpx.URL(url.strip().rstrip("/"))
    except httpx.InvalidURL:
        found = httpx.URL("")
    if found.scheme not in ("http", "https") or not found.host:
        raise BadRequest("an address of Airflow looks like https://airflow.example.com")
    if found.userinfo or found.query or found.fragment:
        raise BadRequest("give the address of Airflow alone, without user, password, ? or #")
    if found.scheme == "http" and not insecure and not is_local(url):
        raise BadRequest(
            f"http to {found.host} would send your password over the network for others to read: use https, "
            "or --insecure where the network is yours alone"
        )
    return str(found)


def is_local(url: str) -> bool:
    """Whether an address is of this machine."""
    host = httpx.URL(url).host
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host == "localhost"


def log_in(url: str, user: str, password: str, transport: httpx.BaseTransport | None = None) -> Login:
    """Have Airflow make a token of a user's password; raises BadRequest where it does not, httpx.HTTPError where none answers."""
    with httpx.Client(base_url=url, timeout=30, trust_env=not is_local(url), transport=transport) as client:
        answer = client.post("/auth/token", json={"username": user, "password": password})
    if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN):
        raise BadRequest(f"{url} knows no user {user} with this password")
    if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise BadRequest(f"{url}: {detail_of(answer) or 'too many failed logins: wait a minute'}")
    token = None
    with suppress(ValueError, TypeError, KeyError):
        token = answer.json()["access_token"] if answer.is_success else None
    if not isinstance(token, str) or not token:
        raise BadRequest(
            f"{url} does not answer a login as Airflow does ({answer.status_code}): look at the address; "
            f"behind a single sign-on, put a token into {TOKEN} and the address into {URL}"
        )
    return Login(url, user, token)


def log_out(login: Login, transport: httpx.BaseTransport | None = None) -> None:
    """Have Airflow take no more requests with the token; raises httpx.HTTPError where none answers."""
    headers = {"Authorization": f"Bearer {login.token}"}
    with httpx.Client(base_url=login.url, timeout=10, trust_env=not is_local(login.url), transport=transport) as client:
        client.get("/api/v2/auth/logout", headers=headers)
