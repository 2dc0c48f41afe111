"""What tests of several folders share."""

import gc
import json
import logging
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from structlog.stdlib import ProcessorFormatter
from tests.distribution import AtOnce, Scheduling

from headline import settings, specs
from headline.connections import lent, variable
from headline.ledger import MIGRATOR, Ledger, migrate
from headline.ledger.engine import WRITER
from headline.ledger.tables import metadata
from headline.local.postgres import Postgres
from headline.local.roles import SUPERUSER
from headline.sql import template
from headline.warehouse import Warehouse, open_warehouse

# Airflow writes its configuration where it is first imported; never into the home of whoever runs the tests.
os.environ["AIRFLOW_HOME"] = tempfile.mkdtemp(prefix="headline-tests-airflow-")
os.environ["AIRFLOW__CORE__LOAD_EXAMPLES"] = "False"
# Nor does a login of whoever runs them, which may be to an Airflow that counts.
os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp(prefix="headline-tests-config-")
os.environ.pop("AIRFLOW_CLI_TOKEN", None)
os.environ["AIRFLOW__CORE__PLUGINS_FOLDER"] = str(Path(__file__).parents[1] / "plugins")
# Nor does what a shell happens to say about a deployment reach a test; HEADLINE_TEST_… speaks to the tests themselves.
for name in [name for name in os.environ if name.startswith(("HEADLINE_", "AIRFLOW_CONN_HEADLINE_"))]:
    if not name.startswith("HEADLINE_TEST_"):
        del os.environ[name]

# What takes longest begins first, beside the fast ones: tests that need an Airflow, which mostly wait while others compute, of
# these those with one apart, and those that look at what nothing else has touched yet; then every fault.
ORDER = (
    *(
        "airflow/test_alerts",
        "airflow/test_chaos",
        "airflow/test_figures",
        "airflow/test_browser",
        "airflow/test_runs",
        "airflow",
    ),
    *(
        "faults/test_injected",
        "faults",
        "properties",
        "cases",
        "dags",
        "unit",
        "sql",
        "engines",
        "attacks",
        "repository",
        "examples",
        "containers",
        "infrastructure",
    ),
)


def pytest_collection() -> None:
    """What is imported stays: to look through all of it again and again for what may go took a tenth of the time."""
    gc.disable()


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(10_000)
    gc.enable()
    root = logging.getLogger()
    for handler in list(root.handlers):  # Airflow's writes each record once more, in colours; pytest keeps them all
        if isinstance(handler.formatter, ProcessorFormatter):
            root.removeHandler(handler)


def pytest_unconfigure() -> None:
    gc.unfreeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def place(item: pytest.Item) -> int:
        name = item.path.relative_to(Path(__file__).parent).as_posix()
        return next(place for place, beginning in enumerate(ORDER) if name.startswith(beginning))

    items.sort(key=place)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """What needs an Airflow goes before all else: as long as one runs it computes, whatever is waited for."""
    if hasattr(item.config, "workerinput") and item.path.parent.name != "airflow" and not os.nice(0):
        os.nice(5)


def pytest_configure(config: pytest.Config) -> None:
    if config.getvalue("dist") != "no":
        config.pluginmanager.register(AtOnce(config))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling | None:
    return Scheduling(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def server_folder() -> Iterator[Path]:
    """A folder for servers, outside of pytest's own and open to the account that runs PostgreSQL for root."""
    with tempfile.TemporaryDirectory(prefix="headline-tests-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)


# Nothing of it is to outlive the tests, and many databases that stand still would be looked at all the time.
TO_BE_THROWN_AWAY = ("fsync", "synchronous_commit", "full_page_writes", "autovacuum")


@pytest.fixture(scope="session")
def postgres(server_folder: Path) -> Iterator[str]:
    """Run a PostgreSQL server and give its host: a socket folder. The password of user postgres is the environment's."""
    server = Postgres(server_folder / "postgres")
    server.start()
    os.environ["PGPASSWORD"] = server.secrets[SUPERUSER]
    with closing(server.connect("postgres")) as connection:
        for setting in TO_BE_THROWN_AWAY:
            connection.cursor().execute(f"alter system set {setting} = off")
        connection.cursor().execute("select pg_reload_conf()")
    yield str(server.socket)
    del os.environ["PGPASSWORD"]
    server.stop()


@pytest.fixture(scope="session")
def ledger_database(postgres: str, server_folder: Path) -> str:
    """A migrated ledger that all tests share, as the connection's JSON of its writer."""
    databases = Postgres(server_folder / "postgres").secrets.databases(postgres)
    with lent({MIGRATOR: databases["LEDGER_MIGRATOR"]}):
        migrate(MIGRATOR)
    return databases["LEDGER"]


@pytest.fixture(autouse=True)
def no_writer_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """What `only_read` keeps of the ledger's connection, it keeps for its process; a test's is not for the next one."""
    monkeypatch.setenv(variable(WRITER), "")
    monkeypatch.delenv(variable(WRITER))


@pytest.fixture
def ledger(postgres: str, ledger_database: str, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    """An empty ledger behind the connection headline_ledger."""
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_LEDGER", ledger_database)
    empty_ledger(postgres)
    return Ledger()


LARGE = 2**20  # bytes, from which on new files are made sooner than rows are deleted


def empty_ledger(postgres: str) -> None:
    """As nobody but the server's owner can: history is kept by triggers and privileges.

    Most tests write little, into few tables; to truncate all of them takes longer than many a test.
    """
    names = [table.name for table in metadata.sorted_tables]
    with closing(psycopg2.connect(host=postgres, user="postgres", dbname="ledger")) as server, server.cursor() as cursor:
        server.autocommit = True
        cursor.execute(
            "set session_replication_role = replica; select relname, pg_relation_size(oid) from pg_class "
            "where relname = any(%s) and relkind = 'r' and pg_relation_size(oid) > 0",
            (names,),
        )
        emptied = [f"{'truncate' if size > LARGE else 'delete from'} {name}" for name, size in cursor.fetchall()]
        cursor.execute("; ".join([*emptied, "alter sequence version restart"]))


@pytest.fixture
def warehouse(tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> Warehouse:
    """An empty DuckDB warehouse behind the connection headline_warehouse; its ledger knows nothing of it."""
    file = tmp_path / "warehouse.duckdb"
    extra = {"memory_limit": "500MB", "lock_timeout": 20, "threads": 1}  # other tests have the other cores
    monkeypatch.setenv("AIRFLOW_CONN_HEADLINE_WAREHOUSE", json.dumps({"conn_type": "duckdb", "host": str(file), "extra": extra}))
    return open_warehouse()


def forget() -> None:
    """What was read of the environment and of specs is read again."""
    settings.load.cache_clear()
    specs.load.cache_clear()
    template._environment.cache_clear()


@pytest.fixture
def forget_settings() -> Iterator[Callable[[], None]]:
    """Call it after the environment or a spec has changed. Happens before and after the test too."""
    forget()
    yield forget
    forget()
