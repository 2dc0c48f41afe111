"""The Airflow that a command asks, as the person who has logged in, and what went wrong in one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self, TypeVar

import httpx

from headline import settings
from headline.airflow_api import PAGE, AirflowApi, Refused
from headline.errors import BadRequest
from headline.ledger.engine import only_read
from headline.local.home import Home
from headline.local.processes import Processes
from headline.redaction import redact
from headline.remote import login
from headline.remote.login import LOGIN, Login
from headline.settings import PROJECT

T = TypeVar("T")
ANSWERS = "/headline/api"  # where the pages inside Airflow answer programs
SLOWEST = 600  # seconds that an answer may take which the server computes
NO_WORDS = ("Not Found", "Method Not Allowed")  # what a server says that has no such path
NO_LOGIN = "Invalid JWT token"  # what Airflow says, with 403, of a token that was revoked or that another server made


class Airflow(AirflowApi):
    """Airflow with Headline's pages in it; `login`: of the person, None for the administrator of a home."""

    login: Login | None = None

    @classmethod
    def as_person(cls, person: Login, transport: httpx.BaseTransport | None = None) -> Self:
        """Airflow as one person sees it."""
        found = cls(person.url, person.user, "", transport, is_far=not login.is_local(person.url))
        found._client.headers["Authorization"] = f"Bearer {person.token}"
        found._logged_in, found.login = True, person
        return found

    def status(self) -> dict[str, Any]:
        """What has failed or waits, and what is behind its inputs."""
        return self._headline("GET", "status")

    def incidents(self, days: int) -> list[dict[str, Any]]:
        """The unresolved incidents and those of the last days."""
        return self._headline("GET", "incidents", params={"days": days})

    def times(self, days: int) -> list[dict[str, Any]]:
        """How long incidents took, by kind."""
        return self._headline("GET", "incidents/times", params={"days": days})

    def acknowledge(self, incident_id: int) -> dict[str, Any]:
        """Take an incident."""
        return self._headline("POST", f"incidents/{incident_id}/acknowledge")

    def ranged(self, backfill: int) -> dict[str, Any]:
        """A backfill over a range."""
        return self._headline("GET", f"backfills/{backfill}")

    def ranged_of(self, run_id: str) -> dict[str, Any] | None:
        """The backfill over a range that a run has asked for; None where there was nothing to compute."""
        return self._headline("GET", "backfills", params={"run": run_id})

    def cancel(self, backfill: int) -> dict[str, Any]:
        """End a backfill over a range."""
        return self._headline("POST", f"backfills/{backfill}/cancel")

    def order(self, dag_ids: list[str], days: dict[str, str]) -> dict[str, Any]:
        """The order in which DAGs run, notes, and the figures that hold them back; `days`: from and to."""
        return self._headline("GET", "order", params={"dag": dag_ids, **days})

    def waits(self, dag_id: str, days: dict[str, str]) -> list[str]:
        """What a run of these days waits for."""
        return self._headline("GET", f"waits/{dag_id}", params=days)

    def people(self) -> list[dict[str, Any]]:
        """The users of FAB: `username`, `roles`, `active`; for administrators."""
        return self._listed_by_fab("users")

    def roles(self) -> list[dict[str, Any]]:
        """The roles of FAB: `name`, `actions`; for administrators."""
        return self._listed_by_fab("roles")

    def _listed_by_fab(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            answer = self._ask("GET", f"/auth/fab/v1/{name}", params={"limit": PAGE, "offset": len(found)})
            found += answer[name]
            if not answer[name] or len(found) >= answer["total_entries"]:
                return found

    def listing(self, path: str, **options: Any) -> Any:
        """What the ledger and the warehouse hold; the server itself ends what takes too long."""
        return self._headline("POST" if "json" in options else "GET", path, timeout=SLOWEST, **options)

    def _headline(self, method: str, path: str, **options: Any) -> Any:
        return self._ask(method, f"{ANSWERS}/{path}", **options)

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        try:
            return super()._ask(method, path, **options)
        except ValueError as error:  # a page, of a proxy or of another program
            raise Refused(str(error), httpx.codes.NOT_FOUND) from error


@contextmanager
def airflow(act: str = "", *, is_named: bool = False, is_meant: bool = False) -> Iterator[Airflow]:
    """The Airflow to ask; whatever it refuses becomes a BadRequest of one line that says what to do.

    `act`: what is to be made there, if anything. `is_named`: whether that carries a person's name, as in production all does.
    `is_meant`: whether who says it in a sandbox can only mean production.
    """
    if act and not is_meant and settings.load().environment == settings.SANDBOX:
        raise BadRequest(
            f"{act} is refused: a sandbox (HEADLINE_ENVIRONMENT=dev) has no Airflow, and where you have logged in is not yours "
            "alone. headline dev run <pipeline> computes in the sandbox; without HEADLINE_ENVIRONMENT it is done there"
        )
    with chosen(act if is_named or settings.load().environment == "prod" else "") as api:
        try:
            yield api
        except (httpx.HTTPError, Refused) as error:
            raise BadRequest(in_words(error, api)) from error


def chosen(act: str = "") -> Airflow:
    """As the person who has logged in; without one, in a home of this machine, as its administrator.

    A home that HEADLINE_HOME names is asked itself, whatever other Airflow somebody has logged in to. `act`: what carries a
    person's name, so that the administrator will not do.
    """
    person, own = _person_and_own()
    if person:
        return Airflow.as_person(person)
    if act:
        raise BadRequest(f"{act} carries a person's name: log in first: {login_in(own)}")
    if own:
        return Airflow.of(Home.current().environment())
    raise BadRequest(f"nobody is logged in, and {Home.current().path} holds no Airflow: {LOGIN}, or make run starts one here")


def _person_and_own() -> tuple[Login | None, str | None]:
    """The login that counts here, and the address of this machine's home."""
    home, person = Home.current(), login.current()
    own = home.environment().get("AIRFLOW__API__BASE_URL")
    counts = not own or (person and person.url == own) or home.path == PROJECT / ".headline"
    return person if counts else None, own


def listed(here: Callable[[], T], path: str, read: Callable[[Any], T], **options: Any) -> T:
    """What the server of the login answers at a path; without one what `here` reads of this machine's ledger and warehouse.

    In a sandbox, and in the home whose Airflow the login is for, the data are here too. `read`: makes of JSON what `here` gives.
    """
    person, own = _person_and_own()
    if person and person.url != own and settings.load().environment != settings.SANDBOX:
        with airflow() as api:
            return read(api.listing(path, **options))
    only_read()
    return here()


def usual_url() -> str:
    """Where somebody logs in who names no address: the home that HEADLINE_HOME names, the last login's, else this home's."""
    home, person = Home.current(), login.kept()
    own = home.environment().get("AIRFLOW__API__BASE_URL")
    found = own if own and (not person or home.path != PROJECT / ".headline") else person and person.url
    if not found:
        raise BadRequest(f"say which Airflow: {LOGIN}")
    return found


def login_in(own: str | None) -> str:
    """How to log in to a home's Airflow, else to any."""
    return f"headline login --url {own} --user …" if own else LOGIN


def home_of(api: Airflow) -> Home | None:
    """The home of this machine whose processes the Airflow is; None where it is elsewhere, or in containers."""
    home = Home.current()
    if home.environment().get("AIRFLOW__API__BASE_URL") != api.url:
        return None
    return home if not api.login or Processes(home).manager() else None


def in_words(error: httpx.HTTPError | Refused, api: Airflow) -> str:
    """What went wrong and what to do, in one line without a secret."""
    person = api.login
    if isinstance(error, httpx.HTTPError):
        return unreachable(error, api.url, is_home=person is None)
    detail = "" if error.detail in NO_WORDS else redact(error.detail)
    if error.status == httpx.codes.UNAUTHORIZED or error.detail == NO_LOGIN:
        return f"the login at {api.url} has expired or is not valid: {f'log in again: {person.again}' if person else 'make run'}"
    if error.status == httpx.codes.FORBIDDEN:
        return f"{api.url} refuses that to {api.user or 'you'}: {detail or 'ask an administrator of Airflow'}"
    if error.status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return f"{api.url} answered {error.status}: {detail or 'look at the log of its API server'}"
    return detail or f"{api.url} does not answer as Airflow with Headline's pages does: look at the address and the version there"


def unreachable(error: httpx.HTTPError, url: str, *, is_home: bool = False) -> str:
    """Why an address does not answer, in one line."""
    text = redact(str(error)) or type(error).__name__
    if "SSL" in text or "CERTIFICATE" in text.upper():
        return f"no trusted connection to {url} ({text}): look at the address; name your company's certificates in SSL_CERT_FILE"
    if is_home:
        return f"Airflow does not answer ({text}): make status says what runs, make run starts it"
    return f"{url} cannot be reached ({text}): look at the address and at your network, or: {LOGIN}"
