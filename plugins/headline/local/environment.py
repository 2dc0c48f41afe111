"""The environment of an installation: choices that stay, and what follows from them; of secrets only what tasks need."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from headline.local.secrets import WATCH, Secrets
from headline.settings import PROJECT, Settings, variable

# Airflow reads these files with a command, so that no process inherits what is in them.
KEYS = {
    "AIRFLOW__CORE__FERNET_KEY": "fernet_key",
    "AIRFLOW__API__SECRET_KEY": "api_secret_key",
    "AIRFLOW__API_AUTH__JWT_SECRET": "jwt_secret",
}
READ_BY_COMMAND = KEYS | {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "airflow_database"}
# Earlier versions kept these among the variables.
ONCE_KEPT = KEYS | {"HEADLINE_ADMIN_PASSWORD": "admin"}
# glibc keeps few freed pieces of memory for a thread, and small ones only; DuckDB frees tens of thousands with each statement.
# That took a tenth of what a day costs. Elsewhere than with glibc this says nothing.
ALLOCATOR = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=20000:glibc.malloc.tcache_max=4096"}
DEFAULTS = {
    "HEADLINE_PORT": lambda: "8080",
    "HEADLINE_FINANCE_PORT": lambda: "8090",
    "HEADLINE_MAIL_PORT": lambda: "8025",
    "HEADLINE_START_DATE": lambda: datetime.now(UTC).date().isoformat(),
    "HEADLINE_REPORTING_CURRENCY": lambda: "EUR",
    "HEADLINE_REPORTING_ZONE": lambda: "UTC",
}
CONNECTIONS = (
    "WAREHOUSE",
    "LEDGER",
    "LEDGER_READER",
    "LEDGER_MIGRATOR",
    "LEDGER_ERASER",
    "SHOP",
    "SHOP_OWNER",
    "FINANCE",
    "DATASHARE",
    "CRM",
    "PARTNERS",
    "AIRFLOW",
)
# Who sets up has them; no process of Airflow does.
# With what stands in for each where somebody has chosen another database.
OF_SET_UP = {"LEDGER_MIGRATOR": ("LEDGER",), "LEDGER_ERASER": ("LEDGER_MIGRATOR", "LEDGER"), "SHOP_OWNER": ("SHOP",)}
VARIABLES_OF_SET_UP = frozenset(f"AIRFLOW_CONN_HEADLINE_{name}" for name in OF_SET_UP)
# Where alerts go, and the address that expects the watch's sign of life: there are none before somebody names them.
ALERTS = ("EMAIL", "SLACK", "SNS", "HEARTBEAT")
# The same of a landing zone on S3, of what may delete there, and of the queue that tells of new files.
ON_AWS = ("LANDING", "UPKEEP", "ARRIVALS")
# Where events about runs go; without any of it the provider is off.
LINEAGE = tuple(
    f"AIRFLOW__OPENLINEAGE__{name}"
    for name in ("TRANSPORT", "CONFIG_CONN_ID", "NAMESPACE", "DISABLED", "DISABLE_SOURCE_CODE", "EXECUTION_TIMEOUT")
)
# Where things are is of a machine; these follow a deployment into its containers.
OF_A_MACHINE = {"home", "include", "sources", "landing", "without", "area_roles", "developer", "production"}
LIMITS = tuple(variable(name) for name in Settings.model_fields if name not in OF_A_MACHINE and variable(name) not in DEFAULTS)
AUTH_MANAGER = "headline.pages.auth_manager.HeadlineFabAuthManager"
QUIET = " ".join(
    f"{name}=WARNING"
    for name in ("http.access", "airflow.jobs", "airflow.models", "airflow.dag_processing", "airflow.serialization")
)
CHOICES = (
    *DEFAULTS,
    *LIMITS,
    *LINEAGE,
    "HEADLINE_SOURCES",
    "HEADLINE_WITHOUT",
    "HEADLINE_LANDING",
    *(f"AIRFLOW_CONN_HEADLINE_{name}" for name in (*CONNECTIONS, *ALERTS, *ON_AWS)),
)


@dataclass(frozen=True)
class Place:
    """Where the parts of an installation find each other, on one machine as in containers.

    `postgres`: a host, or the folder of a socket. `api`: the URL at which tasks reach the API server, which listens on `host`
    and `port`.
    """

    home: Path
    postgres: str
    api: str
    host: str
    port: str

    @classmethod
    def of_machine(cls, home: Path, postgres_socket: Path, choices: Mapping[str, str]) -> Place:
        port = choices["HEADLINE_PORT"]
        return cls(home, str(postgres_socket), f"http://127.0.0.1:{port}", "127.0.0.1", port)


def kept(before: Mapping[str, str], choices: Mapping[str, str]) -> dict[str, str]:
    """The settings that stay from one set-up to the next: as chosen now, else as before, else the default."""
    found = {name: value for name, value in before.items() if name not in ONCE_KEPT}
    made = {name: make() for name, make in DEFAULTS.items() if name not in found}
    return made | found | {name: choices[name] for name in CHOICES if name in choices}


def once_kept(before: Mapping[str, str]) -> dict[str, str]:
    """The secrets that an earlier version wrote among the variables, by the name that their file has now."""
    return {file: before[name] for name, file in ONCE_KEPT.items() if name in before}


def lent(postgres: str, secrets: Secrets, choices: Mapping[str, str]) -> dict[str, str]:
    """The connections that set-up alone has, as JSON by conn_id; where somebody has chosen another database, as chosen."""
    databases = secrets.databases(postgres)
    chosen = {
        name: next(filter(None, (choices.get(f"AIRFLOW_CONN_HEADLINE_{one}") for one in (name, *others))), "")
        for name, others in OF_SET_UP.items()
    }
    return {f"headline_{name.lower()}": text or databases[name] for name, text in chosen.items()}


def derived(place: Place, secrets: Secrets, choices: Mapping[str, str]) -> dict[str, str]:
    """What follows from where things are, and from what was chosen; of connections with a password those that `secrets` has."""
    home = place.home
    databases = {name: text for name, text in secrets.databases(place.postgres).items() if name not in OF_SET_UP}
    if "AIRFLOW_CONN_HEADLINE_LEDGER" in choices:  # somewhere else, where there may be no such role
        databases.pop("LEDGER_READER", None)
    connections: dict[str, dict[str, object]] = {
        "WAREHOUSE": {"conn_type": "duckdb", "host": f"{home}/warehouse.duckdb", "extra": {"memory_limit": "2GB"}},
        "FINANCE": {"conn_type": "http", "host": "http://127.0.0.1", "port": int(choices["HEADLINE_FINANCE_PORT"])},
        "DATASHARE": {"conn_type": "fs", "extra": {"path": f"file://{home}/datashare"}},
        "CRM": {"conn_type": "http", "host": "http://127.0.0.1", "port": int(choices["HEADLINE_FINANCE_PORT"])},
        "PARTNERS": {"conn_type": "fs", "extra": {"path": f"file://{home}/partners"}},
    }
    return {
        "HEADLINE_HOME": str(home),
        "HEADLINE_SOURCES": f"{PROJECT}/include/sql/sources",
        "HEADLINE_LANDING": f"file://{home}/landing",
        "HEADLINE_AREA_ROLES": "true",
        **{f"AIRFLOW_CONN_HEADLINE_{name}": text for name, text in databases.items()},
        **{f"AIRFLOW_CONN_HEADLINE_{name}": json.dumps(connection) for name, connection in connections.items()},
        **({"AIRFLOW_CONN_HEADLINE_AIRFLOW": secrets.airflow(place.api)} if secrets.get(WATCH) else {}),
        **{
            f"{option}_CMD": f"cat {shlex.quote(str(secrets.path(file)))}"
            for option, file in READ_BY_COMMAND.items()
            if secrets.get(file)
        },
        "AIRFLOW_HOME": f"{home}/airflow",
        "AIRFLOW__CORE__DAGS_FOLDER": f"{PROJECT}/dags",
        "AIRFLOW__CORE__PLUGINS_FOLDER": f"{PROJECT}/plugins",
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        # DAG files only name their pipelines: they need not contain the words that the safe mode looks for.
        "AIRFLOW__CORE__DAG_DISCOVERY_SAFE_MODE": "False",
        "AIRFLOW__CORE__AUTH_MANAGER": AUTH_MANAGER,
        "AIRFLOW__CORE__EXECUTOR": "headline.executor.LocalExecutor",
        "AIRFLOW__CORE__PARALLELISM": "4",
        # How long a task waits before its second try; every further wait is longer.
        "AIRFLOW__CORE__DEFAULT_TASK_RETRY_DELAY": "15",
        # Compiled SQL is shown whole; it names every file that landed.
        "AIRFLOW__CORE__MAX_TEMPLATED_FIELD_LENGTH": "200000",
        "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{place.api}/execution/",
        "AIRFLOW__API__HOST": place.host,
        "AIRFLOW__API__PORT": place.port,
        "AIRFLOW__API__BASE_URL": f"http://127.0.0.1:{choices['HEADLINE_PORT']}",
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
        # In a process of its own an event could leave the task without its way to the supervisor.
        "AIRFLOW__OPENLINEAGE__EXECUTE_IN_THREAD": "True",
        "AIRFLOW__LOGGING__NAMESPACE_LEVELS": QUIET,
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": f"{home}/logs",
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": f"{home}/logs/dag_processor",
        "SODA_CORE_TELEMETRY_ENABLED": "false",
        **ALLOCATOR,
    }
