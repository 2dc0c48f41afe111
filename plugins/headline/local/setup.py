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

from headline import connections, ledger, settings, specs
from headline.airflow_api import ADMIN
from headline.errors import BadRequest, HeadlineError, SpecError
from headline.local.home import Home
from headline.local.postgres import Postgres
from headline.local.processes import Processes
from headline.local.screen import Screen
from headline.local.secrets import PEOPLE, WATCH, Secrets
from headline.local.told import process_environment
from headline.specs.access import load_access

PORTS = {
    "api-server": ("HEADLINE_PORT", "Airflow's UI"),
    "demo-finance": ("HEADLINE_FINANCE_PORT", "the demo company's finance service"),
    "demo-mail": ("HEADLINE_MAIL_PORT", "the demo company's mail server"),
}


def set_up(home: Home, screen: Screen, names: Iterable[str], choices: Mapping[str, str]) -> dict[str, str]:
    """Prepare the home for the named processes and start its PostgreSQL; returns its environment, which this process takes over.

    Again is safe, and quick when nothing is to be done.
    Raises BadRequest for a folder or port that belongs to somebody else.
    """
    variables = open_home(home, screen, names, choices)
    prepare_airflow(process_environment(variables, home), Postgres(home.postgres), screen)
    return variables


def open_home(home: Home, screen: Screen, names: Iterable[str], choices: Mapping[str, str]) -> dict[str, str]:
    """The part of set-up that whatever comes next needs: the environment, PostgreSQL and the ledger."""
    os.umask(0o077)
    postgres, processes = Postgres(home.postgres), Processes(home)
    if postgres.is_open() and (processes.manager() or processes.leftovers()):
        with screen.step("Airflow stopped: from now on its database asks for a password"):
            processes.stop()
    postgres.prepare()
    before = home.environment()
    variables = home.write(postgres.socket, choices)
    forget_gone(before, variables)
    if processes.leftovers():
        with screen.step("Processes that an earlier start left behind stopped"):
            processes.stop()
            postgres.stop()
    running = processes.running()
    for variable, purpose in (PORTS[name] for name in names if name in PORTS and name not in running):
        check_port(int(variables[variable]), variable, purpose)
    with screen.step("PostgreSQL"):
        postgres.initialise()
        processes.start_postgres(postgres)
        postgres.prepare_roles()
    os.environ.update(variables)
    settings.load.cache_clear()
    with screen.step("Ledger"), connections.lent(home.lent(postgres.socket)):
        ledger.migrate(ledger.MIGRATOR)
    return variables


def forget_gone(before: Mapping[str, str], variables: Mapping[str, str]) -> None:
    """Take from this process what it has from the file of the home as it was and what is there no longer, such as passwords."""
    for name, value in before.items():
        if name not in variables and os.environ.get(name) == value:
            del os.environ[name]


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
    """Bring Airflow's database to what the installed versions, the users' passwords and the roles ask for.

    Asking Airflow itself takes seconds, so the database carries a note of what it was prepared for.
    """
    wanted = wanted_of_airflow(postgres.secrets, team(postgres.secrets), readers(postgres.secrets))
    versions = [f"{name} {version(name)}" for name in ("apache-airflow-core", "apache-airflow-providers-fab")]
    note = ", ".join([*versions, f"users and roles {hashlib.sha256(json.dumps(wanted).encode()).hexdigest()[:12]}"])
    with closing(postgres.connect("airflow")) as connection, connection.cursor() as cursor:
        cursor.execute("select shobj_description(oid, 'pg_database') from pg_database where datname = 'airflow'")
        if cursor.fetchone() == (note,):
            return
        with screen.step("Airflow's database, users and roles"):
            prepare_database(environment, wanted)
        cursor.execute("comment on database airflow is %s", (note,))


def wanted_of_airflow(
    secrets: Secrets, people: Mapping[str, str] | None = None, readers: Mapping[str, str] | None = None
) -> dict[str, object]:
    """The users that set-up makes, by name with role and password, and the roles.

    `people`: passwords of engineers; `readers`: of users that are called like their role.
    """
    users = {name: (name, password) for name, password in (readers or {}).items()}
    users |= {name: ("Op", password) for name, password in (people or {}).items()}
    users |= {ADMIN: ("Admin", secrets[ADMIN]), WATCH: (WATCH, secrets[WATCH])}
    return {"users": users, "roles": json.loads(settings.ROLES.read_text())}


def readers(secrets: Secrets) -> dict[str, str]:
    """The password of the demo company's user of each role of access.yml; of nobody in production."""
    if settings.load().environment == "prod":
        return {}
    own, names = Secrets(secrets.folder / PEOPLE), list(load_access().roles)
    own.make(names)
    return {name: own[name] for name in names}


def team(secrets: Secrets) -> dict[str, str]:
    """The password of each engineer of team.yml, made where it is missing; of nobody where that file is faulty."""
    with suppress(SpecError):
        names = [one.id for one in specs.load_team().engineers]
        own = Secrets(secrets.folder / PEOPLE)
        own.make(names)
        return {name: own[name] for name in names}
    return {}


def prepare_database(environment: Mapping[str, str], wanted: Mapping[str, object]) -> None:
    """Prepare Airflow's database in a process of its own; raises HeadlineError with what it printed last."""
    program = [sys.executable, "-m", "headline.local.airflow_database"]
    done = subprocess.run(program, input=json.dumps(wanted), env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise HeadlineError(f"Airflow could not be prepared:\n{(done.stdout + done.stderr)[-3000:]}")
