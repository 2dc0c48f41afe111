"""`python -m headline.local.airflow_database`: Airflow's tables, the roles and the users of set-up, in one process.

Each of Airflow's own commands imports Airflow, and `roles import` builds FAB's application once for every line of its file.
Users, their passwords and the roles are read from the standard input, as JSON: no password stands in the list of processes.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from headline.specs.access import PERSONAL_DATA

Role = Mapping[str, str]  # as in the file that `airflow roles export` writes: name, resource, actions


def prepare(users: Mapping[str, tuple[str, str]], roles: Iterable[Role]) -> None:
    """Bring the database to the installed versions, the roles, and the users with role and password; raises SystemExit."""
    from airflow.cli.cli_parser import get_parser
    from airflow.providers.fab.auth_manager.cli_commands.utils import get_application_builder

    options = get_parser().parse_args(["db", "migrate"])
    options.func(options)
    with get_application_builder() as builder:
        _add_roles(builder.sm, roles)
        for name, (role, password) in users.items():
            _set_user(builder.sm, name, role, password)


def _set_user(security: Any, name: str, role: str, password: str) -> None:
    user = security.find_user(name)
    if user is None:
        found = security.find_role(role)
        user = security.add_user(name, "Headline", name, f"{name}@localhost", found, password)
    elif not security.reset_password(user.id, password):
        user = None
    if not user:
        raise SystemExit(f"the user {name} could not be set up")


def _add_roles(security: Any, roles: Iterable[Role]) -> None:
    """Add the roles and the permissions that they lack; a name that Airflow does not know would grant nothing, silently.

    Headline's own right, to personal data, Airflow learns here.
    """
    security.create_resource(PERSONAL_DATA)
    wanted: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for role in roles:
        wanted[role["name"]] += [(action, role["resource"]) for action in role["action"].split(",")]
    pairs = {pair for permissions in wanted.values() for pair in permissions}
    unknown = [action for action in sorted({action for action, _ in pairs}) if not security.get_action(action)]
    unknown += [resource for resource in sorted({resource for _, resource in pairs}) if not security.get_resource(resource)]
    if unknown:
        raise SystemExit(f"Airflow knows no action or resource called {', '.join(unknown)}: correct the roles")
    known = {pair: security.create_permission(*pair) for pair in pairs}  # or the one that is there
    for name, permissions in wanted.items():
        role = security.add_role(name)
        role.permissions = list({*role.permissions, *(known[pair] for pair in permissions)})
    security.session.commit()


if __name__ == "__main__":
    prepare(**json.load(sys.stdin))
