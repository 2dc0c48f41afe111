"""The environment of an installation: keys and choices that stay, and what follows from them."""

from __future__ import annotations

import base64
import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from headline.airflow_api import ADMIN
from headline.settings import PROJECT

# Airflow signs with HMAC-SHA512, which asks for a key of at least so many bytes.
SIGNING_KEY_BYTES = 64
KEYS = {
    "AIRFLOW__CORE__FERNET_KEY": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    "AIRFLOW__API__SECRET_KEY": lambda: secrets.token_urlsafe(SIGNING_KEY_BYTES),
    "AIRFLOW__API_AUTH__JWT_SECRET": lambda: secrets.token_urlsafe(SIGNING_KEY_BYTES),
    "HEADLINE_ADMIN_PASSWORD": lambda: secrets.token_hex(10),
}
SIGNING_KEYS = ("AIRFLOW__API__SECRET_KEY", "AIRFLOW__API_AUTH__JWT_SECRET")
DEFAULTS = {
    "HEADLINE_PORT": lambda: "8080",
    "HEADLINE_FINANCE_PORT": lambda: "8090",
    "HEADLINE_START_DATE": lambda: datetime.now(UTC).date().isoformat(),
    "HEADLINE_REPORTING_CURRENCY": lambda: "EUR",
    "HEADLINE_REPORTING_ZONE": lambda: "UTC",
}
CONNECTIONS = ("WAREHOUSE", "LEDGER", "SHOP", "FINANCE", "DATASHARE", "AIRFLOW")
# Where alerts go, and the address that expects the watch's sign of life: there are none before somebody names them.
ALERTS = ("EMAIL", "SLACK", "SNS", "HEARTBEAT")
# Each has its default in settings.py.
LIMITS = (
    "HEADLINE_FIRST_DAY",
    "HEADLINE_RESTATEMENT_DAYS",
    "HEADLINE_CLOSED_DAY_LIMIT",
    "HEADLINE_SETTLED_MINUTES",
    "HEADLINE_QUERY_SECONDS",
)
QUIET = " ".join(
    f"{name}=WARNING"
    for name in ("http.access", "airflow.jobs", "airflow.models", "airflow.dag_processing", "airflow.serialization")
)
CHOICES = (
    *DEFAULTS,
    *LIMITS,
    "HEADLINE_SOURCES",
    "HEADLINE_WITHOUT",
    "HEADLINE_LANDING",
    *(f"AIRFLOW_CONN_HEADLINE_{name}" for name in (*CONNECTIONS, *ALERTS)),
)


def kept(before: Mapping[str, str], choices: Mapping[str, str]) -> dict[str, str]:
    """What stays from one set-up to the next: keys, made once, and settings: as chosen now, else as before, else the default.

    A key that is too short to sign with is made anew, which only ends the sessions in the UI.
    """
    valid = {name: value for name, value in before.items() if name not in SIGNING_KEYS or len(value) >= SIGNING_KEY_BYTES}
    made = {name: make() for name, make in (KEYS | DEFAULTS).items() if name not in valid}
    return made | valid | {name: choices[name] for name in CHOICES if name in choices}


def derived(home: Path, postgres_socket: Path, choices: Mapping[str, str]) -> dict[str, str]:
    """What follows from the place of the home and the project, and from what was chosen."""
    url = f"http://127.0.0.1:{choices['HEADLINE_PORT']}"
    database = f"postgres@/airflow?host={quote(str(postgres_socket))}"
    postgres: dict[str, object] = {"conn_type": "postgres", "host": str(postgres_socket), "login": "postgres"}
    connections: dict[str, dict[str, object]] = {
        "WAREHOUSE": {"conn_type": "duckdb", "host": f"{home}/warehouse.duckdb", "extra": {"memory_limit": "2GB"}},
        "LEDGER": postgres | {"schema": "ledger"},
        "SHOP": postgres | {"schema": "shop"},
        "FINANCE": {"conn_type": "http", "host": "http://127.0.0.1", "port": int(choices["HEADLINE_FINANCE_PORT"])},
        "DATASHARE": {"conn_type": "fs", "extra": {"path": f"file://{home}/datashare"}},
        "AIRFLOW": {"conn_type": "http", "host": url, "login": ADMIN, "password": choices["HEADLINE_ADMIN_PASSWORD"]},
    }
    return {
        "HEADLINE_HOME": str(home),
        "HEADLINE_SOURCES": f"{PROJECT}/include/sql/sources",
        "HEADLINE_LANDING": f"file://{home}/landing",
        "HEADLINE_AREA_ROLES": "true",
        **{f"AIRFLOW_CONN_HEADLINE_{name}": json.dumps(connection) for name, connection in connections.items()},
        "AIRFLOW_HOME": f"{home}/airflow",
        "AIRFLOW__CORE__DAGS_FOLDER": f"{PROJECT}/dags",
        "AIRFLOW__CORE__PLUGINS_FOLDER": f"{PROJECT}/plugins",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # DAG files only name their pipelines: they need not contain the words that the safe mode looks for.
        "AIRFLOW__CORE__DAG_DISCOVERY_SAFE_MODE": "False",
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
        "AIRFLOW__CORE__EXECUTOR": "headline.executor.LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        # How long a task waits before its second try; every further wait is longer.
        "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "15",
        # Compiled SQL is shown whole; it names every file that landed.
        "AIRFLOW__CORE__MAX_TEMPLATED_FIELD_LENGTH": "200000",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"postgresql+psycopg2://{database}",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN_ASYNC": f"postgresql+asyncpg://{database}",
        "AIRFLOW__API__HOST": "127.0.0.1",
        "AIRFLOW__API__PORT": choices["HEADLINE_PORT"],
        "AIRFLOW__API__BASE_URL": url,
        "AIRFLOW__API__WORKERS": "1",
        # A task's process is a copy of the scheduler, which has loaded what tasks need; newer Pythons would start an empty one.
        "AIRFLOW__CORE__MP_START_METHOD": "fork",
        # Each look at the database costs 20 ms: the pause between two decides what idling costs, and how soon a task starts.
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.4",
        # What a scheduler was at that was killed is taken up by the next within a minute, not after five.
        "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "30",
        # A task whose process gives no sign of life for so long is tried again; a sign comes every 5 seconds. Below that a busy
        # machine, or an API server that starts again, would cost tasks that are well.
        "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "120",
        "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
        # New and changed DAG files are found within half a minute, changes of what they read (pipeline.yml) within two minutes:
        # reading all of them is a third of what an installation costs while nothing runs.
        "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "30",
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "120",
        "AIRFLOW__DAG_PROCESSOR__PRINT_STATS_INTERVAL": "600",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_STORAGE_PATH": f"{home}/airflow/bundles",
        # Every request and every step of a task on its way: the UI and the tasks' own logs tell these, and they fill disks.
        "AIRFLOW__LOGGING__NAMESPACE_LEVELS": QUIET,
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": f"{home}/logs",
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": f"{home}/logs/dag_processor",
        "SODA_CORE_TELEMETRY_ENABLED": "false",
    }
