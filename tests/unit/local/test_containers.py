"""docker-compose.yaml runs the same installation: what set-up tells the processes, it tells the containers."""

import io
import json
import re
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
import yaml
from moto.core import DEFAULT_ACCOUNT_ID
from tests.unit.s3.conftest import KEYS, connection
from tests.unit.s3.conftest import moto as moto

from headline.connections import lent
from headline.demo import aws
from headline.ledger import MIGRATOR
from headline.local import container, containers
from headline.local.container import environment_of, is_healthy
from headline.local.containers import GIVEN, make_secrets
from headline.local.environment import ALLOCATOR, CHOICES, DEFAULTS, OF_SET_UP, VARIABLES_OF_SET_UP, Place, derived
from headline.local.health import AIRFLOW
from headline.local.home import parse
from headline.local.postgres import Postgres
from headline.local.roles import ROLES
from headline.local.secrets import Secrets
from headline.settings import PROJECT

COMPOSE = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text())
CHOSEN = parse((PROJECT / "containers.env").read_text())
# Where things are, and who is asked for what.
OF_A_PLACE = {
    "AIRFLOW__API__HOST",
    "AIRFLOW__API__PORT",
    "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
    "AIRFLOW_CONN_HEADLINE_AIRFLOW",
}


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """The folders that the service `secrets` fills, one for each service, with the home beside them."""
    for folder in ("home", *(f"secrets/{name}" for name in GIVEN)):
        (tmp_path / folder).mkdir(mode=0o700, parents=True)
    make_secrets(tmp_path / "home", tmp_path / "secrets")
    return tmp_path


def test_tests_and_measurements_use_memory_as_an_installation_does() -> None:
    [[name, value]] = ALLOCATOR.items()
    assert f"export {name} := {value}\n" in (PROJECT / "Makefile").read_text()


@pytest.mark.parametrize("service", AIRFLOW)
def test_containers_are_told_what_processes_are_told(made: Path, service: str) -> None:
    secrets = Secrets(made / "secrets" / service)
    told = environment_of(made / "home", secrets, {})
    everything = Secrets(made / "secrets" / "set-up")
    choices = {name: told[name] for name in DEFAULTS}
    processes = derived(Place.of_machine(made / "home", Path("socket"), choices), everything, choices)
    databases = {f"AIRFLOW_CONN_HEADLINE_{name}" for name in everything.databases("")}
    same = {name for name in processes if name not in databases | OF_A_PLACE and not name.endswith("_CMD")}
    assert len(same) > 30
    assert {name: told[name] for name in same} == {name: processes[name] for name in same}
    assert {name for name in processes if name.endswith("_CMD")} == {name for name in told if name.endswith("_CMD")}
    for command in (text for name, text in told.items() if name.endswith("_CMD")):
        assert subprocess.check_output(["sh", "-c", command]), command


def test_what_a_file_of_settings_says_reaches_every_process(made: Path) -> None:
    make_secrets(made / "home", made / "secrets")
    for service in AIRFLOW:
        told = environment_of(made / "home", Secrets(made / "secrets" / service), CHOSEN)
        assert CHOSEN.items() <= told.items(), service
    assert COMPOSE["x-headline"]["env_file"] == "${HEADLINE_ENV_FILE:-containers.env}"
    assert {CHOSEN["HEADLINE_LANDING"], CHOSEN["HEADLINE_ARRIVALS"]} == {
        f"s3://{aws.LANDING}",
        f"http://aws:5000/{DEFAULT_ACCOUNT_ID}/{aws.ARRIVALS}",
    }
    extra = json.loads(CHOSEN["AIRFLOW_CONN_HEADLINE_DATASHARE"])["extra"]
    assert (extra["path"], extra["endpoint_url"]) == (f"s3://{aws.ARRIVALS}", "http://aws:5000")


def test_a_container_has_the_connections_that_it_has_passwords_for(made: Path) -> None:
    told = {name: environment_of(made / "home", Secrets(made / "secrets" / name), {}) for name in ("api-server", "scheduler")}
    found = {name: {one for one in told[name] if one.startswith("AIRFLOW_CONN_HEADLINE_")} for name in told}
    assert found["api-server"] - found["scheduler"] == {"AIRFLOW_CONN_HEADLINE_LEDGER_READER"}
    assert found["scheduler"] - found["api-server"] == {"AIRFLOW_CONN_HEADLINE_SHOP"}
    assert json.loads(told["scheduler"]["AIRFLOW_CONN_HEADLINE_SHOP"])["host"] == "postgres"
    assert json.loads(told["scheduler"]["AIRFLOW_CONN_HEADLINE_AIRFLOW"])["host"] == "http://api-server:8080"
    assert set(environment_of(made / "home", Secrets(made / "secrets" / "set-up"), {})) >= VARIABLES_OF_SET_UP


def test_what_was_chosen_once_stays_and_a_new_choice_wins(made: Path) -> None:
    secrets = Secrets(made / "secrets" / "scheduler")
    (made / "home" / "env").write_text("HEADLINE_START_DATE=2020-02-20\nHEADLINE_REPORTING_CURRENCY=USD\n")
    told = environment_of(made / "home", secrets, {"HEADLINE_REPORTING_CURRENCY": "GBP"})
    assert (told["HEADLINE_START_DATE"], told["HEADLINE_REPORTING_CURRENCY"]) == ("2020-02-20", "GBP")
    elsewhere = '{"conn_type": "postgres", "host": "db"}'
    told = environment_of(made / "home", Secrets(made / "secrets" / "set-up"), {"AIRFLOW_CONN_HEADLINE_LEDGER": elsewhere})
    assert {told[f"AIRFLOW_CONN_HEADLINE_{name}"] for name in ("LEDGER", "LEDGER_MIGRATOR", "LEDGER_ERASER")} == {elsewhere}


def test_each_container_has_the_secrets_that_it_needs_and_none_is_written_down(made: Path) -> None:
    folders = {name: made / "secrets" / name for name in GIVEN}
    found = {name: {file.name: file.read_text() for file in folder.iterdir()} for name, folder in folders.items()}
    assert {name: set(files) for name, files in found.items()} == {name: set(names) for name, names in GIVEN.items()}
    for name, files in found.items():
        assert files.items() <= found["set-up"].items(), name
    only_for_set_up = {"admin", *ROLES} - {"ledger_writer", "ledger_reader", "shop_reader", "airflow"}
    for name in AIRFLOW:
        assert not found[name].keys() & only_for_set_up, name
    modes = {
        stat.S_IMODE(file.stat().st_mode) for name, folder in folders.items() if name != "postgres" for file in folder.iterdir()
    }
    assert modes == {0o600}
    make_secrets(made / "home", made / "secrets")
    again = {name: {file.name: file.read_text() for file in folder.iterdir()} for name, folder in folders.items()}
    assert again == found, "what is there stays"
    assert len(OF_SET_UP) == 3
    assert "PASSWORD" not in re.sub("POSTGRES_PASSWORD_FILE", "", json.dumps(COMPOSE))


def test_each_service_is_given_the_volume_of_its_name() -> None:
    services = COMPOSE["services"]
    mounted = {
        name: {volume for volume in service.get("volumes", ()) if "/run/secrets" in volume} for name, service in services.items()
    }
    assert {name: volumes for name, volumes in mounted.items() if volumes} == {
        name: {f"secrets-{name}:/run/secrets:ro"} for name in GIVEN
    }
    filled = {volume for volume in services["secrets"]["volumes"] if volume.startswith("secrets-")}
    assert filled == {f"secrets-{name}:/var/lib/secrets/{name}" for name in GIVEN}
    prepared = re.search(r"for service in (.*); do", (PROJECT / "Dockerfile").read_text())
    assert prepared
    assert prepared[1].split() == list(GIVEN)
    for name in AIRFLOW:
        assert services[name]["environment"]["HEADLINE_SERVICE"] == name


def test_the_settings_of_containers_are_settings() -> None:
    assert set(CHOSEN) <= set(CHOICES)
    assert all(json.loads(text)["conn_type"] for name, text in CHOSEN.items() if name.startswith("AIRFLOW_CONN_"))


def test_a_program_takes_the_place_of_the_entry_point_in_the_environment_of_the_installation(made: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from headline.local import container\n"
        f"container.MOUNTED = Path({str(made / 'secrets' / 'scheduler')!r})\ncontainer.main(sys.argv[1:])"
    )
    program = [sys.executable, "-c", "import json, os; print(json.dumps(dict(os.environ)))"]
    environment = {"PATH": "/usr/bin", "HEADLINE_HOME": str(made / "home")}
    told = json.loads(subprocess.check_output([sys.executable, "-c", script, *program], env=environment))
    assert told["AIRFLOW__CORE__EXECUTOR"] == "headline.executor.LocalExecutor"
    assert json.loads(told["AIRFLOW_CONN_HEADLINE_SHOP"])["login"] == "shop_reader"


@pytest.mark.parametrize("service", AIRFLOW)
@pytest.mark.parametrize("status", ["healthy", "unhealthy"])
def test_a_component_is_healthy_when_airflow_says_so(service: str, status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    others = {one: {"status": "healthy"} for one in ("metadatabase", "scheduler", "dag_processor", "triggerer")}
    key = "metadatabase" if service == "api-server" else service.replace("-", "_")
    answer = json.dumps({**others, key: {"status": status}}).encode()
    monkeypatch.setattr(container, "urlopen", lambda _url, timeout: io.BytesIO(answer))
    assert is_healthy(service) == (status == "healthy")


def test_set_up_makes_roles_users_tables_and_sources(
    server_folder: Path,
    postgres: str,
    ledger_database: str,
    moto: str,
    monkeypatch: pytest.MonkeyPatch,
    forget_settings: Callable[[], None],
) -> None:
    sqs = boto3.client("sqs", endpoint_url=moto, **KEYS)
    url = f"{moto}{urlsplit(sqs.create_queue(QueueName='of-set-up')['QueueUrl']).path}"
    monkeypatch.setenv("HEADLINE_ARRIVALS", url)
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_ARRIVALS", connection(moto))
    forget_settings()
    secrets = Postgres(server_folder / "postgres").secrets
    secrets.make()
    done: list[Any] = []
    monkeypatch.setattr(containers, "POSTGRES", postgres)
    monkeypatch.setattr(containers, "prepare_database", lambda _environment, wanted: done.append(sorted(wanted["users"].items())))
    dropped = "a file of the demo company"
    monkeypatch.setattr(
        containers, "fill", lambda days, _last: (done.append(days), sqs.send_message(QueueUrl=url, MessageBody=dropped))
    )
    with lent({MIGRATOR: secrets.databases(postgres)["LEDGER_MIGRATOR"]}):
        containers.set_up(secrets)
    assert done == [[("admin", ("Admin", secrets["admin"])), ("watch", ("watch", secrets["watch"]))], 61]
    assert not sqs.receive_message(QueueUrl=url).get("Messages"), "the demo's own runs land what was dropped before them"
