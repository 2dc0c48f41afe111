"""What runs in a container: `python -m headline.local.container PROGRAM…` becomes that program, with an installation's settings.

The image's entry point. `healthy` in place of a program is the image's health check, which imports nothing else: it runs often.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.request import urlopen

if TYPE_CHECKING:
    from headline.local.secrets import Secrets

# The services of docker-compose.yaml.
POSTGRES = "postgres"
API_SERVER = "http://api-server:8080"
SERVICE = "HEADLINE_SERVICE"  # the variable that says which of them this is
MOUNTED = Path("/run/secrets")


def environment_of(home: Path, secrets: Secrets, choices: Mapping[str, str]) -> dict[str, str]:
    """The variables of a container that has these secrets: those of `make run`, with the services in place of the machine."""
    from headline import connections
    from headline.local import environment
    from headline.local.home import kept_in

    kept = environment.kept(kept_in(home / "env"), choices)
    place = environment.Place(home, POSTGRES, API_SERVER, "0.0.0.0", "8080")  # noqa: S104 (Compose opens it to the machine alone)
    of_set_up = environment.lent(POSTGRES, secrets, kept) if secrets.get("ledger_migrator") else {}
    lent = {connections.variable(conn_id): text for conn_id, text in of_set_up.items()}
    return environment.derived(place, secrets, kept) | lent | kept


def is_healthy(service: str) -> bool:
    """Whether Airflow says of its component that it is; raises OSError where the API server does not answer."""
    with urlopen(f"{API_SERVER}/api/v2/monitor/health", timeout=5) as answer:  # noqa: S310 (an address of our own)
        health = json.load(answer)
    return bool(health["metadatabase" if service == "api-server" else service.replace("-", "_")]["status"] == "healthy")


def main(arguments: list[str]) -> None:
    """Become the program; raises SystemExit with 1 where a health check fails, or without a program."""
    if not arguments:
        raise SystemExit(__doc__)
    if arguments[0] == "healthy":
        sys.exit(not is_healthy(os.environ[SERVICE]))
    from headline.local.secrets import Secrets

    os.environ.update(environment_of(Path(os.environ["HEADLINE_HOME"]), Secrets(MOUNTED), os.environ))
    os.umask(0o077)
    os.execvp(arguments[0], arguments)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1:])
