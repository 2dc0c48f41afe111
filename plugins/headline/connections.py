"""Airflow connections, read without importing Airflow where the environment already holds them."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from headline.errors import BadRequest


@dataclass(frozen=True)
class Connection:
    """The parts of an Airflow connection that the engines and sources use; `extra` is the parsed JSON."""

    conn_id: str
    conn_type: str
    host: str = ""
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    port: int | None = None
    schema: str = ""
    extra: dict[str, Any] = field(default_factory=dict, repr=False)


def variable(conn_id: str) -> str:
    """The variable of the environment that holds a connection."""
    return f"AIRFLOW_CONN_{conn_id.upper()}"


@contextmanager
def lent(connections: Mapping[str, str]) -> Iterator[None]:
    """Let this process have connections (JSON by conn_id) for a while that others are not to inherit."""
    names = {variable(conn_id): text for conn_id, text in connections.items()}
    before = {name: os.environ[name] for name in names if name in os.environ}
    os.environ.update(names)
    try:
        yield
    finally:
        for name in names:
            del os.environ[name]
        os.environ.update(before)


def get(conn_id: str) -> Connection:
    """The connection `conn_id`, from the environment as JSON or else from Airflow's secrets backends.

    Raises BadRequest where there is none. Airflow itself looks at the environment first; reading it here keeps the command
    line free of Airflow's import time.
    """
    text = os.environ.get(variable(conn_id), "")
    if text.startswith("{"):
        found = json.loads(text)
    else:
        from airflow.sdk import BaseHook
        from airflow.sdk.exceptions import AirflowNotFoundException

        try:
            hook_connection = BaseHook.get_connection(conn_id)
        except AirflowNotFoundException:
            raise BadRequest(
                f"there is no connection {conn_id}: `make run` sets one up; elsewhere define it in Airflow"
            ) from None
        found = {name: getattr(hook_connection, name) for name in ("conn_type", "host", "login", "password", "port", "schema")}
        found["extra"] = hook_connection.extra_dejson
    extra = found.get("extra") or {}
    return Connection(
        conn_id=conn_id,
        conn_type=found["conn_type"],
        host=found.get("host") or "",
        login=found.get("login"),
        password=found.get("password"),
        port=found.get("port"),
        schema=found.get("schema") or "",
        extra=json.loads(extra) if isinstance(extra, str) else extra,
    )


def aws_client(conn_id: str, service: str) -> Any:
    """The boto3 client of an AWS service (athena, glue, s3) by an Airflow connection, with its region, role and endpoint."""
    return _aws_client(conn_id, service, os.environ.get(variable(conn_id), ""))


@cache  # making one takes longer than most statements; `text`: of the connection, where the environment holds it
def _aws_client(conn_id: str, service: str, text: str) -> Any:  # noqa: ARG001
    from airflow.providers.amazon.aws.hooks.athena import AthenaHook
    from airflow.providers.amazon.aws.hooks.base_aws import AwsGenericHook

    with warnings.catch_warnings():
        # A connection of the type `athena` has the same fields as one of the type `aws`.
        warnings.filterwarnings("ignore", message=".*expected connection type 'aws'")
        hook = AthenaHook(aws_conn_id=conn_id) if service == "athena" else AwsGenericHook(conn_id, client_type=service)
        return hook.get_conn()
