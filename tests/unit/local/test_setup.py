import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from headline.errors import BadRequest, HeadlineError
from headline.local.airflow_database import _add_roles
from headline.local.secrets import PEOPLE, Secrets
from headline.local.setup import check_port, free_port, is_free, prepare_database, readers, team, wanted_of_airflow
from headline.specs import load_team
from headline.specs.access import load_access


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


def test_a_taken_port_is_told_with_what_to_do(taken: int) -> None:
    with pytest.raises(BadRequest) as refused:
        check_port(taken, "HEADLINE_PORT", "Airflow's UI")
    message = str(refused.value)
    assert f"port {taken}, meant for Airflow's UI, is taken" in message
    other = int(message.rsplit("HEADLINE_PORT=", 1)[1])
    assert other > taken
    assert is_free(other)


def test_a_free_port_is_fine() -> None:
    check_port(free_port(20000), "HEADLINE_PORT", "Airflow's UI")


def test_a_preparation_that_fails_tells_what_it_printed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\ncat\necho no such database >&2\nexit 1\n")
    python.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(python))
    with pytest.raises(HeadlineError, match=r"(?s)could not be prepared.*admin.*no such database"):
        prepare_database({"PATH": os.defpath}, {"users": "admin"})


class Security:
    """FAB's security manager, as far as roles need it."""

    def __init__(self, known: set[str]) -> None:
        self.known, self.roles, self.session = known, {"growth": SimpleNamespace(permissions=[("can_read", "Pools")])}, self
        self.commits = 0

    def get_action(self, name: str) -> bool:
        return name in self.known

    get_resource = get_action

    def create_permission(self, action: str, resource: str) -> tuple[str, str]:
        return action, resource

    def add_role(self, name: str) -> SimpleNamespace:
        return self.roles.setdefault(name, SimpleNamespace(permissions=[]))

    def create_resource(self, name: str) -> None:
        self.known.add(name)

    def commit(self) -> None:
        self.commits += 1


def test_roles_get_the_permissions_that_they_lack_or_nothing_where_a_name_is_unknown() -> None:
    security = Security({"can_read", "menu_access", "Plugins"})
    wanted = [{"name": name, "resource": "Plugins", "action": "can_read,menu_access"} for name in ("profit", "growth")]
    both = {("can_read", "Plugins"), ("menu_access", "Plugins")}
    for _ in range(2):
        _add_roles(security, wanted)
        found = {name: set(role.permissions) for name, role in security.roles.items()}
        assert found == {"profit": both, "growth": both | {("can_read", "Pools")}}
    with pytest.raises(SystemExit, match="called can_fly, Planes"):
        _add_roles(security, [{"name": "pilot", "resource": "Planes", "action": "can_read,can_fly"}])
    assert (set(security.roles), security.commits) == ({"profit", "growth"}, 2)


def test_each_engineer_gets_a_user_with_a_password_of_their_own(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets")
    secrets.make(["admin", "watch"])
    people = team(secrets)
    assert list(people) == [one.id for one in load_team().engineers]
    assert len({*people.values(), secrets["admin"]}) == len(people) + 1
    assert team(secrets) == people, "what is there stays"
    assert {file.stat().st_mode & 0o777 for file in (secrets.folder / PEOPLE).iterdir()} == {0o600}
    users = wanted_of_airflow(secrets, people)["users"]
    assert isinstance(users, dict)
    assert {name: role for name, (role, _) in users.items()} == dict.fromkeys(people, "Op") | {"admin": "Admin", "watch": "watch"}


def test_the_demo_company_has_a_user_of_each_role_and_production_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    secrets = Secrets(tmp_path / "secrets")
    secrets.make(["admin", "watch"])
    found = readers(secrets)
    assert found.keys() == load_access().roles.keys() >= {"investor_relations", "analyst", "experimenter"}
    users = wanted_of_airflow(secrets, {"ines": "a"}, found)["users"]
    assert isinstance(users, dict)
    assert {name: users[name] for name in found} == {name: (name, password) for name, password in found.items()}
    monkeypatch.setenv("HEADLINE_ENVIRONMENT", "prod")
    forget_settings()
    assert readers(secrets) == {}


def test_a_team_that_cannot_be_read_keeps_nobody_from_starting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget_settings: Callable[[], None]
) -> None:
    monkeypatch.setenv("HEADLINE_INCLUDE", str(tmp_path))
    (tmp_path / "team.yml").write_text("engineers: nobody\n")
    forget_settings()
    assert team(Secrets(tmp_path / "secrets")) == {}
