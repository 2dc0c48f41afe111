"""docker-compose.yaml runs the same installation: what set-up tells the processes, it tells the containers."""

from pathlib import Path

import yaml

from headline.local.environment import DEFAULTS, KEYS, LIMITS, derived
from headline.local.processes import AIRFLOW
from headline.settings import PROJECT

# Told by the commands, or right as they are in a container.
ELSEWHERE = {
    "AIRFLOW__API__HOST",
    "AIRFLOW__API__PORT",
    "AIRFLOW__API__WORKERS",
    "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH",
    "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY",
    "HEADLINE_ADMIN_PASSWORD",
    "HEADLINE_FINANCE_PORT",
    "HEADLINE_LANDING",
    "HEADLINE_PORT",
    "HEADLINE_SOURCES",
}


def test_containers_are_told_what_processes_are_told() -> None:
    compose = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text())
    processes = derived(Path("home"), Path("socket"), {name: make() for name, make in (KEYS | DEFAULTS).items()})
    told = {*processes, *KEYS, *DEFAULTS, *LIMITS} - ELSEWHERE
    same = {
        name: value for name, value in processes.items() if name in told and name.startswith("AIRFLOW__") and "/" not in value
    }
    assert len(told) > 25
    assert len(same) > 8
    for name in (*AIRFLOW, "demo-finance"):
        container = compose["services"][name]["environment"]
        assert told <= set(container), name
        assert same == {option: container[option] for option in same}, name
