"""Airflow connections, read without importing Airflow where the environment already holds them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
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


def get(conn_id: str) -> Connection:
    """The connection `conn_id`, from the environment as JSON or else from Airflow's secrets backends.

    Raises BadRequest where there is none. Airflow itself looks at the environment first; reading it here keeps the command
    line free of Airflow's import time.
    """
    text = os.environ.get(f"AIRFLOW_CONN_{conn_id.upper()}", "")
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
