"""`python -m headline.local.containers`: what comes before and after Airflow's containers, each a service of docker-compose.yaml.

`secrets` makes keys and passwords at the first start, `set-up` prepares the databases, `demo` computes the demo company.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path

import psycopg2

from headline import ledger, settings
from headline.airflow_api import ADMIN, AirflowApi
from headline.connections import aws_client
from headline.demo.__main__ import fill
from headline.demo.company import utc_today
from headline.local import environment, roles
from headline.local.container import API_SERVER, MOUNTED, POSTGRES
from headline.local.home import HEADER, kept_in, lines
from headline.local.private import write_private
from headline.local.run import DAYS, compute, demo_job
from headline.local.screen import Screen
from headline.local.secrets import MADE, WATCH, Secrets
from headline.local.setup import prepare_database, wanted_of_airflow

FOLDERS = Path("/var/lib/secrets")
DATABASE = "airflow_database"  # the URL of Airflow's database
OF_AIRFLOW = (*environment.READ_BY_COMMAND.values(), "ledger_writer", WATCH)
# What each service is given, in a volume of its own: none has what another needs.
GIVEN: Mapping[str, tuple[str, ...]] = {
    POSTGRES: (roles.SUPERUSER,),
    "set-up": (*MADE, DATABASE),
    "api-server": (*OF_AIRFLOW, "ledger_reader"),  # pages read as the reader; what changes something there is the writer
    "scheduler": (*OF_AIRFLOW, "shop_reader"),  # tasks are its children
    "dag-processor": OF_AIRFLOW,
    "triggerer": OF_AIRFLOW,
    "demo": (ADMIN,),
}


def make_secrets(home: Path, folders: Path) -> None:
    """Make what is missing of keys and passwords, at random, in the folder of each service; keep the choices of this start.

    Files that are there stay, so that a home and a database outlive their containers.
    """
    secrets = Secrets(folders / "set-up")
    secrets.make()
    write_private(secrets.path(DATABASE), secrets.airflow_database(POSTGRES))
    for service, names in GIVEN.items():
        for name in names:
            write_private(folders / service / name, secrets[name])
    own = folders / POSTGRES  # its image has another user
    for path, mode in ((own, 0o755), (own / roles.SUPERUSER, 0o644)):
        path.chmod(mode)
    first = {"HEADLINE_FIRST_DAY": str(demo_job(utc_today()).first)} if _has_demo() else {}
    write_private(home / "env", "\n".join([HEADER, *lines(environment.kept(first | kept_in(home / "env"), os.environ)), ""]))


def set_up(secrets: Secrets) -> None:
    """Prepare the databases of the containers and fill the demo company's sources; again is safe."""

    def connect(database: str) -> psycopg2.extensions.connection:
        found = psycopg2.connect(host=POSTGRES, user=roles.SUPERUSER, password=secrets[roles.SUPERUSER], dbname=database)
        found.autocommit = True
        return found

    roles.prepare(connect, {role: secrets[role] for role in roles.ROLES})
    prepare_database(os.environ, wanted_of_airflow(secrets))
    ledger.migrate(ledger.MIGRATOR)
    if _has_demo():
        fill(DAYS + 1, utc_today() - timedelta(days=1))
        if (queue := settings.load().arrivals).startswith("http"):  # the demo company's runs land what has just been dropped
            from headline.operations import ARRIVALS_CONNECTION

            aws_client(ARRIVALS_CONNECTION, "sqs").purge_queue(QueueUrl=queue)


def run_demo(secrets: Secrets, screen: Screen) -> None:
    """Compute the demo company's days through Airflow, as `make run` does; again is safe: what has succeeded stays."""
    if _has_demo():
        with AirflowApi(API_SERVER, ADMIN, secrets[ADMIN]) as api:
            compute(api, demo_job(utc_today()), settings.load().reporting_zone, screen)
    screen.say(
        f"Airflow: {settings.load().base_url}  user: {ADMIN}  password: docker compose run --rm set-up cat {MOUNTED}/{ADMIN}"
    )


def _has_demo() -> bool:
    return settings.load().environment != "prod"


SERVICES: Mapping[str, Callable[[], None]] = {
    "secrets": lambda: make_secrets(settings.load().home, FOLDERS),
    "set-up": lambda: set_up(Secrets(MOUNTED)),
    "demo": lambda: run_demo(Secrets(MOUNTED), Screen()),
}

if __name__ == "__main__":
    SERVICES[sys.argv[1]]()
