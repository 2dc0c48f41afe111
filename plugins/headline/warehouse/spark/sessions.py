"""Where a Spark Connect session comes from: one endpoint for all, or an endpoint and a token made for each session."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import Any

from headline.connections import Connection
from headline.errors import SpecError, Transient

# How long a session of EMR Serverless may take to start, and how often it is asked.
_START_SECONDS, _ASK_SECONDS = 300, 5


class SessionProvider(ABC):
    """Gives the address of a Spark Connect endpoint for as long as a session lasts."""

    @abstractmethod
    @contextmanager
    def address(self, name: str) -> Iterator[str]:
        """While it is entered the endpoint is there: `sc://host:port/;token=…`. `name`: what the session is called.

        Raises Transient where there is none to be had.
        """
        yield ""


class Endpoint(SessionProvider):
    """The endpoint that the connection names: host, port, password (a token), and `use_ssl` among its extras."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @contextmanager
    def address(self, _: str) -> Iterator[str]:
        found = self._connection
        parameters = [f"token={found.password}"] if found.password else []
        # A token travels by TLS only.
        parameters += ["use_ssl=true"] if found.extra.get("use_ssl", bool(found.password)) else []
        yield f"sc://{found.host}:{found.port or 15002}/;{';'.join(parameters)}"


class EMRServerless(SessionProvider):
    """A session of an EMR Serverless application, from emr-7.13 on: endpoint and token are made for each session.

    Extras: application_id, execution_role_arn, idle_minutes (15), region_name. `client`: of boto3's `emr-serverless`.
    """

    def __init__(self, connection: Connection, client: Any = None) -> None:
        extra = connection.extra
        if lacking := [name for name in ("application_id", "execution_role_arn") if not extra.get(name)]:
            raise SpecError([f"connection {connection.conn_id}: EMR Serverless needs the extras {', '.join(lacking)}"])
        self._extra = extra
        self._client = client or _client(extra)

    @contextmanager
    def address(self, name: str) -> Iterator[str]:
        application = self._extra["application_id"]
        session = self._client.start_session(
            applicationId=application,
            executionRoleArn=self._extra["execution_role_arn"],
            name=name,
            idleTimeoutMinutes=int(self._extra.get("idle_minutes", 15)),
        )["sessionId"]
        try:
            self._wait(application, session)
            found = self._client.get_session_endpoint(applicationId=application, sessionId=session)
            host = found["endpoint"].removeprefix("https://").removeprefix("sc://").rstrip("/")
            yield f"sc://{host if ':' in host else f'{host}:443'}/;use_ssl=true;x-aws-proxy-auth={found['authToken']}"
        finally:
            with suppress(Exception):  # it ends by itself when nobody uses it
                self._client.terminate_session(applicationId=application, sessionId=session)

    def _wait(self, application: str, session: str) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            found = self._client.get_session(applicationId=application, sessionId=session)["session"]
            if found["state"] in ("STARTED", "IDLE", "BUSY"):
                return
            if found["state"] in ("FAILED", "TERMINATED", "TERMINATING"):
                raise Transient(
                    f"EMR Serverless did not start the session {session}: {found.get('stateDetails', found['state'])}"
                )
            if time.monotonic() > deadline:
                raise Transient(f"EMR Serverless has not started the session {session} within {_START_SECONDS} s")
            time.sleep(_ASK_SECONDS)


def provider_of(connection: Connection) -> SessionProvider:
    """What the extra `session_provider` of a connection names: empty for its own endpoint, `emr_serverless`, or module:Class."""
    named = connection.extra.get("session_provider", "")
    if not named:
        return Endpoint(connection)
    if named == "emr_serverless":
        return EMRServerless(connection)
    module, _, name = named.partition(":")
    try:
        made = getattr(import_module(module), name)(connection)
    except (ImportError, AttributeError) as error:
        raise SpecError([f"connection {connection.conn_id}: no session_provider {named!r}: {error}"]) from error
    if not isinstance(made, SessionProvider):
        raise SpecError([f"connection {connection.conn_id}: {named} is no SessionProvider"])
    return made


def _client(extra: dict[str, Any]) -> Any:
    import boto3

    return boto3.client("emr-serverless", region_name=extra.get("region_name"), endpoint_url=extra.get("endpoint_url"))
