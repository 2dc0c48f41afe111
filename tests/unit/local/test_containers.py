"""docker-compose.yaml runs the same installation: what set-up tells the processes, it tells the containers."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from headline.connections import lent
from headline.ledger import MIGRATOR
from headline.local import containers
from headline.local.containers import make_secrets
from headline.local.environment import DEFAULTS, LIMITS, OF_SET_UP, derived
from headline.local.health import AIRFLOW
from headline.local.home import Home
from headline.local.postgres import Postgres
from headline.local.roles import ROLES
from headline.local.secrets import MADE, Secrets
from headline.settings import PROJECT

# Told by the commands, or right as they are in a container.
ELSEWHERE = {
    "AIRFLOW__API__HOST",
    "AIRFLOW__API__PORT",
    "AIRFLOW__API__WORKERS",
    "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH",
    "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY",
    "HEADLINE_FINANCE_PORT",
    "HEADLINE_LANDING",
    "HEADLINE_PORT",
    "HEADLINE_SOURCES",
}


COMPOSE = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text())
OF_ONE = {"AIRFLOW_CONN_HEADLINE_SHOP": "scheduler", "AIRFLOW_CONN_HEADLINE_LEDGER_READER": "api-server"}


def test_containers_are_told_what_processes_are_told(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "secrets")
    secrets.make()
    processes = derived(Path("home"), Path("socket"), secrets, {name: make() for name, make in DEFAULTS.items()})
    told = {*processes, *DEFAULTS, *LIMITS} - ELSEWHERE
    same = {
        name: value for name, value in processes.items() if name in told and name.startswith("AIRFLOW__") and "/" not in value
    }
    assert len(told) > 25
    assert len(same) > 8
    for name in AIRFLOW:
        service = COMPOSE["services"][name]
        wanted = {one for one in told if OF_ONE.get(one, name) == name}
        assert wanted <= {*service["environment"], *service["secrets"]}, name
        assert same == {option: service["environment"][option] for option in same}, name


def test_each_container_has_the_secrets_that_it_needs_and_no_password_among_its_variables(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    made = {file.name: file.read_text() for file in make_secrets(home).iterdir()}
    assert stat.S_IMODE((home.path / "containers").stat().st_mode) == 0o700
    assert {stat.S_IMODE((home.path / "containers" / name).stat().st_mode) for name in made} == {0o644}
    assert {file.name: file.read_text() for file in make_secrets(home).iterdir()} == made, "what is there stays"
    assert set(COMPOSE["secrets"]) == set(made)
    assert {name: Path(one["file"]).name for name, one in COMPOSE["secrets"].items()} == {
        name: name for name in COMPOSE["secrets"]
    }
    given = {name: set(service.get("secrets", ())) for name, service in COMPOSE["services"].items()}
    everything = set().union(*given.values())
    assert everything == set(COMPOSE["secrets"]), "each is used, and there are no others"
    assert given["demo-finance"] == set()
    only_for_set_up = {"admin", *ROLES, *(f"AIRFLOW_CONN_HEADLINE_{name}" for name in OF_SET_UP)}
    for name in AIRFLOW:
        assert not given[name] & only_for_set_up, name
    needed = {*MADE} - {"api_secret_key", "jwt_secret", "fernet_key"} | {"airflow_database"}
    assert needed <= given["set-up"]
    told = {value for one in COMPOSE["services"].values() for value in map(str, one.get("environment", {}).values())}
    commands = {str(one.get("command")) for one in COMPOSE["services"].values()}
    assert not [text for text in told | commands if "PASSWORD" in text]


def test_a_connection_becomes_a_variable_of_the_process_alone(tmp_path: Path) -> None:
    *shell, script, end = COMPOSE["services"]["scheduler"]["entrypoint"]
    script = script.replace("$$", "$").replace("/run/secrets", str(tmp_path))
    program = [sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"]
    found = json.loads(subprocess.check_output([*shell, script, end, *program], env={"PATH": os.defpath}))
    assert not [name for name in found if name.startswith("AIRFLOW_CONN_")]
    text = '{"conn_type": "postgres", "password": "a \\"b\\" $c"}'
    (tmp_path / "AIRFLOW_CONN_HEADLINE_LEDGER").write_text(text)
    (tmp_path / "fernet_key").write_text("not a connection")
    found = json.loads(subprocess.check_output([*shell, script, end, *program], env={"PATH": os.defpath}))
    assert found["AIRFLOW_CONN_HEADLINE_LEDGER"] == text
    assert "not a connection" not in found.values()


def test_set_up_makes_roles_users_tables_and_sources(
    server_folder: Path, postgres: str, ledger_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = Postgres(server_folder / "postgres").secrets
    secrets.make()
    done: list[Any] = []
    monkeypatch.setattr(containers, "POSTGRES", postgres)
    monkeypatch.setattr(containers, "prepare_database", lambda _environment, wanted: done.append(sorted(wanted["users"].items())))
    monkeypatch.setattr(containers, "fill", lambda days, _last: done.append(days))
    with lent({MIGRATOR: secrets.databases(postgres)["LEDGER_MIGRATOR"]}):
        containers.set_up(secrets)
    assert done == [[("admin", ("Admin", secrets["admin"])), ("watch", ("watch", secrets["watch"]))], 61]
