"""Containers: the secrets that docker-compose.yaml hands them, and `python -m headline.local.containers`, their set-up."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import psycopg2

from headline import ledger
from headline.connections import variable
from headline.demo.__main__ import fill
from headline.demo.company import utc_today
from headline.local import roles
from headline.local.home import Home
from headline.local.private import write_private
from headline.local.secrets import Secrets
from headline.local.setup import prepare_database, wanted_of_airflow

POSTGRES = "postgres"  # the names of the services
API_SERVER = "http://api-server:8080"
MOUNTED = Path("/run/secrets")
DAYS = 61


def make_secrets(home: Home) -> Path:
    """Make the missing files of `<home>/containers`, at random; returns the folder.

    A container's user has another number than who makes them: the folder is closed to others, the files in it are not.
    """
    home.make()
    secrets = Secrets(home.path / "containers")
    secrets.make()
    derived = {
        "airflow_database": secrets.airflow_database(POSTGRES),
        **{variable(f"headline_{name.lower()}"): text for name, text in secrets.databases(POSTGRES).items()},
        variable("headline_airflow"): secrets.airflow(API_SERVER),
    }
    for name, text in derived.items():
        write_private(secrets.path(name), text)
    for file in secrets.folder.iterdir():
        file.chmod(0o644)
    return secrets.folder


def set_up(secrets: Secrets) -> None:
    """Prepare the databases of the containers and fill the demo company's sources; again is safe."""

    def connect(database: str) -> psycopg2.extensions.connection:
        found = psycopg2.connect(host=POSTGRES, user=roles.SUPERUSER, password=secrets[roles.SUPERUSER], dbname=database)
        found.autocommit = True
        return found

    roles.prepare(connect, {role: secrets[role] for role in roles.ROLES})
    prepare_database(os.environ, wanted_of_airflow(secrets))
    ledger.migrate(ledger.MIGRATOR)
    fill(DAYS, utc_today() - timedelta(days=1))


if __name__ == "__main__":
    set_up(Secrets(MOUNTED))
