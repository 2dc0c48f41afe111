"""Prepare a home so that its processes can start: keys, ports, databases, Airflow's tables and its first user."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Mapping
from contextlib import closing, suppress
from importlib.metadata import version

import psutil

from headline import ledger, settings
from headline.airflow_api import ADMIN
from headline.errors import BadRequest, HeadlineError
from headline.local.home import Home
from headline.local.postgres import Postgres
from headline.local.processes import Processes, process_environment
from headline.local.screen import Screen

ROLES = settings.PROJECT / "include" / "roles.json"
PORTS = {
    "api-server": ("HEADLINE_PORT", "Airflow's UI"),
    "demo-finance": ("HEADLINE_FINANCE_PORT", "the demo company's finance service"),
}


def set_up(home: Home, screen: Screen, names: Iterable[str], choices: Mapping[str, str]) -> dict[str, str]:
    """Prepare the home for the named processes and start its PostgreSQL; returns its environment, which this process takes over.

    Again is safe, and quick when nothing is to be done.
    Raises BadRequest for a folder or port that belongs to somebody else.
    """
    os.umask(0o077)
    postgres, processes = Postgres(home.postgres), Processes(home)
    variables = home.write(postgres.socket, choices)
    if processes.leftovers():
        with screen.step("Processes that an earlier start left behind stopped"):
            processes.stop()
    if not processes.manager():
        for variable, purpose in (PORTS[name] for name in names if name in PORTS):
            check_port(int(variables[variable]), variable, purpose)
    with screen.step("PostgreSQL"):
        postgres.start()
    os.environ.update(variables)
    settings.load.cache_clear()
    prepare_airflow(process_environment(variables, home), postgres, screen)
    with screen.step("Ledger"):
        ledger.migrate()
    return variables


def check_port(port: int, variable: str, purpose: str) -> None:
    """Raise BadRequest with what to do when another program listens on the port."""
    if not is_free(port):
        raise BadRequest(
            f"port {port}, meant for {purpose}, is taken{listener(port)}: "
            f"end that program, or choose another port, for example {variable}={free_port(port + 1)}"
        )


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port(first: int) -> int:
    """The first free port from `first` on."""
    return next(port for port in range(first, 65536) if is_free(port))


def listener(port: int) -> str:
    """Who listens on a port, as far as the system tells."""
    with suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.pid and connection.laddr[1:] == (port,):
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    return ""


def prepare_airflow(environment: Mapping[str, str], postgres: Postgres, screen: Screen) -> None:
    """Bring Airflow's database to what the installed versions, the administrator's password and the roles ask for.

    Asking Airflow itself takes seconds, so the database carries a note of what it was prepared for.
    """
    password = environment["HEADLINE_ADMIN_PASSWORD"]
    versions = [f"{name} {version(name)}" for name in ("apache-airflow-core", "apache-airflow-providers-fab")]
    roles, secret = (hashlib.sha256(content).hexdigest()[:12] for content in (ROLES.read_bytes(), password.encode()))
    wanted = ", ".join([*versions, f"{ADMIN} {secret}", f"roles {roles}"])
    with closing(postgres.connect("airflow")) as connection, connection.cursor() as cursor:
        cursor.execute("select shobj_description(oid, 'pg_database') from pg_database where datname = 'airflow'")
        if cursor.fetchone() == (wanted,):
            return
        with screen.step("Airflow's database, administrator and roles"):
            login = ["--username", ADMIN, "--password", password]
            person = ["--firstname", "Headline", "--lastname", "Administrator", "--email", "admin@localhost"]
            run_airflow(
                environment,
                ["db", "migrate"],
                ["users", "create", "--role", "Admin", *login, *person],
                ["users", "reset-password", *login],  # `create` leaves one who is there as he is
                ["roles", "import", str(ROLES)],
            )
        cursor.execute("comment on database airflow is %s", (wanted,))


def run_airflow(environment: Mapping[str, str], *commands: list[str]) -> None:
    """Run commands of Airflow's; raises HeadlineError with what they printed last."""
    program = [sys.executable, "-m", "headline.local.airflow_commands"]
    done = subprocess.run(program, input=json.dumps(commands), env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HeadlineError(f"Airflow could not be prepared:\n{(done.stdout + done.stderr)[-3000:]}")
