"""Prepare a home so that its processes can start: keys, ports, databases, Airflow's tables and its first user."""

from __future__ import annotations

import hashlib
import os
import socket
import subprocess
from collections.abc import Mapping
from importlib.metadata import version

import psutil
import psycopg2

from headline.errors import BadRequest, HeadlineError
from headline.local.home import ADMIN, Home
from headline.local.postgres import Postgres
from headline.local.processes import Processes, process_environment
from headline.local.screen import Screen

POOL = "warehouse"
PORTS = {"HEADLINE_PORT": "Airflow's UI", "HEADLINE_FINANCE_PORT": "the demo company's finance service"}


def set_up(home: Home, screen: Screen, choices: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Prepare the home and start its PostgreSQL; returns its environment. Again is safe, and quick when nothing is to be done.

    Raises BadRequest for a folder or port that belongs to somebody else.
    """
    os.umask(0o077)
    home.make()
    postgres = Postgres(home.path / "postgres")
    environment = home.write(postgres.socket, choices)
    if not Processes(home).manager():
        for name, purpose in PORTS.items():
            check_port(int(environment[name]), name, purpose)
    with screen.step("PostgreSQL"):
        postgres.start()
    os.environ.update(environment)
    prepare_airflow(home, environment, postgres, screen)
    migrate_ledger(screen)
    return environment


def check_port(port: int, variable: str, purpose: str) -> None:
    """Raise BadRequest with what to do when another program listens on the port."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise BadRequest(
                f"port {port}, meant for {purpose}, is taken{listener(port)}: stop that program, "
                f"or choose another port: make run {variable}={port + 1}"
            ) from error


def listener(port: int) -> str:
    """Who listens on a port, as far as the system tells."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass
    return ""


def prepare_airflow(home: Home, environment: Mapping[str, str], postgres: Postgres, screen: Screen) -> None:
    """Bring Airflow's database to what the installed versions, the administrator's password and the pool ask for.

    Asking Airflow itself takes seconds, so the database carries a note of what it was prepared for.
    """
    password = environment["HEADLINE_ADMIN_PASSWORD"]
    versions = [f"{name} {version(name)}" for name in ("apache-airflow-core", "apache-airflow-providers-fab")]
    wanted = ", ".join([*versions, f"{ADMIN} {hashlib.sha256(password.encode()).hexdigest()[:12]}", f"pool {POOL}"])
    with psycopg2.connect(host=str(postgres.socket), user="postgres", dbname="airflow") as connection, connection.cursor() as cursor:
        cursor.execute("select shobj_description(oid, 'pg_database') from pg_database where datname = 'airflow'")
        if cursor.fetchone() == (wanted,):
            return
        with screen.step("Airflow's tables"):
            airflow(home, environment, "db", "migrate")
        with screen.step("Airflow's administrator and pool"):
            person = ["--firstname", "Headline", "--lastname", "Administrator", "--email", "admin@localhost"]
            airflow(home, environment, "users", "create", "--role", "Admin", "--username", ADMIN, "--password", password, *person)
            airflow(home, environment, "users", "reset-password", "--username", ADMIN, "--password", password)
            airflow(home, environment, "pools", "set", POOL, "1", "One writer at a time in the warehouse")
        cursor.execute("comment on database airflow is %s", (wanted,))


def airflow(home: Home, environment: Mapping[str, str], *arguments: str) -> None:
    done = subprocess.run(
        ["airflow", *arguments], env=process_environment(environment, home), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise HeadlineError(f"airflow {arguments[0]} {arguments[1]} failed:\n{(done.stdout + done.stderr)[-3000:]}")


def migrate_ledger(screen: Screen) -> None:
    from headline import ledger

    with screen.step("Ledger"):
        ledger.migrate()
